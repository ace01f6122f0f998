//! Library: its versions, and the names of statuses and options. All strings are static.

use super::{
    boundary,
    error::{self, tks_status},
};
use crate::options;
use std::{ffi::c_char, ptr};

/// The ABI version that this header describes: the number in the soname.
pub const TKS_ABI_VERSION: u32 = 1;

/// Returns the ABI version of the loaded library. A program that loads the library at run time compares it with
/// TKS_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn tks_abi_version() -> u32 {
    TKS_ABI_VERSION
}

/// Returns the version of the loaded library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn tks_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the name of a status, such as "TKS_NETWORK". Returns "TKS_UNKNOWN" for a number that this library does not
/// know.
#[unsafe(no_mangle)]
pub extern "C" fn tks_status_name(status: tks_status) -> *const c_char {
    error::name(status).as_ptr()
}

/// Returns the name of an option, counted from 0. Returns NULL after the last option.
#[unsafe(no_mangle)]
pub extern "C" fn tks_option_name(index: usize) -> *const c_char {
    boundary::infallible(ptr::null(), || options().get(index).map_or(ptr::null(), |option| option.name_c().as_ptr()))
}

/// Returns the help for an option: its meaning, its values and its default. Returns NULL after the last option.
#[unsafe(no_mangle)]
pub extern "C" fn tks_option_help(index: usize) -> *const c_char {
    boundary::infallible(ptr::null(), || options().get(index).map_or(ptr::null(), |option| option.help_c().as_ptr()))
}
