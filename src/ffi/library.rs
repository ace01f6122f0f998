//! Library: what it says of itself. The texts live for ever.

use super::{
    boundary,
    error::{self, tks_status},
};
use crate::config::options::options;
use std::{ffi::c_char, ptr};

/// The number of the ABI that this header describes: the number in the soname.
pub const TKS_ABI_VERSION: u32 = 1;

/// The number of the ABI that the loaded library speaks. Whoever loads it by hand compares it with TKS_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn tks_abi_version() -> u32 {
    TKS_ABI_VERSION
}

/// The version of the loaded library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn tks_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The name of a status, such as "TKS_NETWORK"; "TKS_UNKNOWN" for a number that this library does not know.
#[unsafe(no_mangle)]
pub extern "C" fn tks_status_name(status: tks_status) -> *const c_char {
    let name = match status {
        error::TKS_OK => c"TKS_OK",
        error::TKS_INVALID_ARGUMENT => c"TKS_INVALID_ARGUMENT",
        error::TKS_INVALID_CONFIG => c"TKS_INVALID_CONFIG",
        error::TKS_NETWORK => c"TKS_NETWORK",
        error::TKS_TLS => c"TKS_TLS",
        error::TKS_TIMEOUT => c"TKS_TIMEOUT",
        error::TKS_HTTP => c"TKS_HTTP",
        error::TKS_OAUTH => c"TKS_OAUTH",
        error::TKS_BAD_RESPONSE => c"TKS_BAD_RESPONSE",
        error::TKS_INTERNAL => c"TKS_INTERNAL",
        error::TKS_PENDING => c"TKS_PENDING",
        error::TKS_CLOSED => c"TKS_CLOSED",
        _ => c"TKS_UNKNOWN",
    };
    name.as_ptr()
}

/// The name of an option, counted from 0; NULL past the last.
#[unsafe(no_mangle)]
pub extern "C" fn tks_option_name(index: usize) -> *const c_char {
    boundary::or(ptr::null(), || options().get(index).map_or(ptr::null(), |option| option.name_c().as_ptr()))
}

/// What an option means, its values and its default, in a line or two; NULL past the last.
#[unsafe(no_mangle)]
pub extern "C" fn tks_option_help(index: usize) -> *const c_char {
    boundary::or(ptr::null(), || options().get(index).map_or(ptr::null(), |option| option.help_c().as_ptr()))
}
