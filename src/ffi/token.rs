//! Token: an immutable snapshot.
//!
//! A token outlives its source. Nothing in it changes but the remaining lifetime.

use super::boundary;
use crate::{Token, c_text::CText, secret::Secret};
use std::{
    ffi::c_char,
    mem::{self, ManuallyDrop},
    ptr,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// An access token and what the server sent with it. Never changes. May be used by any number of threads at the same
/// time.
pub struct tks_token(Token);

// A handle is the pointer of an `Arc<Token>` itself, so that returning a cached token allocates nothing. The compiler
// checks the layout here, because cbindgen would show the inside of a `repr(transparent)` struct.
const _: () = assert!(mem::size_of::<tks_token>() == mem::size_of::<Token>());
const _: () = assert!(mem::align_of::<tks_token>() == mem::align_of::<Token>());
const _: () = assert!(mem::offset_of!(tks_token, 0) == 0);

pub(super) fn into_handle(token: Arc<Token>) -> *mut tks_token {
    Arc::into_raw(token).cast::<tks_token>().cast_mut()
}

/// # Safety
/// `token` is NULL, or came from [`into_handle`] and is not freed yet.
pub(super) unsafe fn borrow(token: *const tks_token) -> Option<ManuallyDrop<Arc<Token>>> {
    // SAFETY: the pointer came from `Arc::into_raw`, and its reference count is left unchanged.
    (!token.is_null()).then(|| ManuallyDrop::new(unsafe { Arc::from_raw(token.cast::<Token>()) }))
}

fn text(secret: &Secret) -> *const c_char {
    secret.expose_with_nul().as_ptr().cast()
}

/// Returns the access token: visible ASCII characters.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_access_token(token: Option<&tks_token>) -> *const c_char {
    token.map_or(ptr::null(), |token| text(&token.0.access_token))
}

/// Returns the value of the Authorization header: "Bearer " and the access token.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_authorization(token: Option<&tks_token>) -> *const c_char {
    token.map_or(ptr::null(), |token| text(&token.0.authorization))
}

/// Returns the token type as the server sent it, or "Bearer" if the server sent none or an empty one.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_type(token: Option<&tks_token>) -> *const c_char {
    token.map_or(ptr::null(), |token| token.0.token_type.as_ptr())
}

/// Returns the scope that the server granted. Returns NULL if the server sent none, which means that it granted the
/// requested scope (RFC 6749 section 5.1).
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_scope(token: Option<&tks_token>) -> *const c_char {
    token.and_then(|token| token.0.scope.as_ref()).map_or(ptr::null(), CText::as_ptr)
}

/// Returns the expiry in Unix seconds: the current wall clock plus tks_token_expires_in.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_expires_at(token: Option<&tks_token>) -> i64 {
    boundary::infallible(0, || {
        let since = token.map_or(Ok(Duration::ZERO), |token| token.0.expires_at().duration_since(UNIX_EPOCH));
        // An expiry before 1970 needs a wall clock that was never set.
        since.map_or(0, |since| since.as_secs() as i64)
    })
}

/// Returns the remaining lifetime in seconds, even if the wall clock was set. Returns 0 if the token has expired.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_expires_in(token: Option<&tks_token>) -> f64 {
    boundary::infallible(0.0, || token.map_or(0.0, |token| token.0.expires_in().as_secs_f64()))
}

/// Returns the generation of the token: see tks_source_generation.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_generation(token: Option<&tks_token>) -> u32 {
    boundary::infallible(0, || token.map_or(0, |token| token.0.generation()))
}

/// Returns the JSON object of the server's response, without access_token, refresh_token and id_token. It has the members
/// that a server adds to those of the standard. Every JSON parser reads it: U+FFFD stands for half a surrogate pair and for a
/// NUL. A number that no double holds, such as 1e400, is kept as the server wrote it.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_response(token: Option<&tks_token>) -> *const c_char {
    token.map_or(ptr::null(), |token| text(&token.0.response))
}

/// Frees a token. Its memory is wiped once the source no longer uses it either.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tks_token_free(token: *mut tks_token) {
    // SAFETY: the header requires a token that is not freed yet; this drops the reference that `into_handle` kept.
    boundary::infallible((), || drop(unsafe { borrow(token) }.map(ManuallyDrop::into_inner)));
}
