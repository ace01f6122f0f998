//! Config: what is asked, and how.
//!
//! Options are pairs of texts, so that a new one changes no function: tks_option_name and tks_option_help list them.
//! Booleans are `true` and `false`; durations are seconds, such as `30` or `0.5`. An empty value is refused, except for
//! `client_secret` and `param.NAME`.

use super::{
    boundary,
    error::{TKS_OK, tks_error, tks_status},
    text,
};
use crate::Config;
use std::{ffi::c_char, mem::MaybeUninit};

/// What is asked of a token endpoint, and how. One thread at a time.
pub struct tks_config(pub(super) Config);

/// Makes a config with no option set, for the caller to free with tks_config_free.
///
/// NULL: only after a bug in the library.
#[unsafe(no_mangle)]
pub extern "C" fn tks_config_new() -> Option<Box<tks_config>> {
    boundary::or(None, || {
        boundary::silence_panics();
        Some(Box::new(tks_config(Config::new())))
    })
}

/// Sets the option `name` to a copy of `value`; NULL unsets it, even if the provider has it. The last call for a name
/// wins, and the order among names does not matter.
///
/// TKS_INVALID_ARGUMENT: there is no such option, or the value does not suit it. The message says what would, the config
/// is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tks_config_set(
    config: Option<&mut tks_config>,
    name: *const c_char,
    value: *const c_char,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let config = config.ok_or_else(|| boundary::null("config"))?;
        // SAFETY: the header asks the same of the caller.
        let (name, value) = unsafe { (text::required("name", name)?, text::optional("value", value)?) };
        #[cfg(feature = "testing")]
        for (word, switch) in [("panic_next", &boundary::PANIC_NEXT), ("leave_memory", &super::memory::LEAVE)] {
            if name == word {
                switch.store(true, std::sync::atomic::Ordering::Relaxed);
                return Ok(TKS_OK);
            }
        }
        config.0.set(name, value)?;
        Ok(TKS_OK)
    })
}

/// Frees a config. The sources made from it have a copy of their own.
#[unsafe(no_mangle)]
pub extern "C" fn tks_config_free(config: Option<Box<tks_config>>) {
    boundary::or((), || drop(config));
}
