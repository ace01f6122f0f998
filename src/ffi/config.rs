//! Config: the options of a source.
//!
//! Every option is a name and a value, both strings, so a new option changes no function. tks_option_name and
//! tks_option_help list the options. Booleans are `true` and `false`. Durations are seconds, such as `30` or `0.5`. An
//! empty value is rejected, except for `client_secret`, `param.NAME` and `claim.NAME`.

use super::{
    boundary,
    error::{TKS_OK, tks_error, tks_status},
    text,
};
use crate::Config;
use std::{ffi::c_char, mem::MaybeUninit};

/// The options of a source. Must not be used by another thread while an option is set.
pub struct tks_config(pub(super) Config);

/// Returns a new config without options. The caller frees it with tks_config_free. Returns NULL only after a bug in the
/// library.
#[unsafe(no_mangle)]
pub extern "C" fn tks_config_new() -> Option<Box<tks_config>> {
    boundary::infallible(None, || {
        boundary::silence_panics();
        Some(Box::new(tks_config(Config::new())))
    })
}

/// Sets the option `name` to a copy of `value`. NULL unsets the option, even if the provider has a value for it. Setting
/// an option again replaces its value; the order of the options does not matter.
///
/// TKS_INVALID_ARGUMENT: the option does not exist, or the value is not allowed. The message names what is allowed. The
/// config is unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tks_config_set(
    config: Option<&mut tks_config>,
    name: *const c_char,
    value: *const c_char,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let config = config.ok_or_else(|| boundary::null_argument("config"))?;
        // SAFETY: the header requires the same of its caller.
        let (name, value) = unsafe { (text::required("name", name)?, text::optional("value", value)?) };
        #[cfg(feature = "testing")]
        if crate::fault::switch_on(name) {
            return Ok(TKS_OK);
        }
        config.0.set(name, value)?;
        Ok(TKS_OK)
    })
}

/// Frees a config. Sources that were made from it have their own copy.
#[unsafe(no_mangle)]
pub extern "C" fn tks_config_free(config: Option<Box<tks_config>>) {
    boundary::infallible((), || drop(config));
}
