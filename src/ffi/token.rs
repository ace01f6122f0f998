//! Token: an immutable snapshot.
//!
//! A token outlives its source, and says the same for ever; only its time runs out.

use super::boundary;
use crate::{Token, secret::Secret};
use std::{
    ffi::c_char,
    mem::{self, ManuallyDrop},
    ptr,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// An access token and what came with it. Never changes. Any thread, any time.
pub struct tks_token(Token);

// A handle is the pointer of an `Arc<Token>` itself, so that handing out a cached token allocates nothing. cbindgen would
// show the inside of a `repr(transparent)` struct, so that it is laid out like one is asked of the compiler here.
const _: () = assert!(mem::size_of::<tks_token>() == mem::size_of::<Token>());
const _: () = assert!(mem::align_of::<tks_token>() == mem::align_of::<Token>());
const _: () = assert!(mem::offset_of!(tks_token, 0) == 0);

pub(super) fn hand_out(token: Arc<Token>) -> *mut tks_token {
    Arc::into_raw(token).cast::<tks_token>().cast_mut()
}

/// # Safety
/// `token` is NULL or was handed out and is not freed yet.
pub(super) unsafe fn borrow(token: *const tks_token) -> Option<ManuallyDrop<Arc<Token>>> {
    // SAFETY: the pointer came from `Arc::into_raw`, and the count that it stands for is left alone.
    (!token.is_null()).then(|| ManuallyDrop::new(unsafe { Arc::from_raw(token.cast::<Token>()) }))
}

fn text(secret: &Secret) -> *const c_char {
    secret.expose_with_nul().as_ptr().cast()
}

/// The token itself: visible ASCII.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_access_token(token: Option<&tks_token>) -> *const c_char {
    token.map_or(ptr::null(), |token| text(&token.0.access_token))
}

/// The value of the Authorization header: "Bearer " and the token.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_authorization(token: Option<&tks_token>) -> *const c_char {
    token.map_or(ptr::null(), |token| text(&token.0.authorization))
}

/// The token's type as the server wrote it; "Bearer" if it did not.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_type(token: Option<&tks_token>) -> *const c_char {
    token.map_or(ptr::null(), |token| text(&token.0.token_type))
}

/// The scope that the server granted. NULL: it said nothing, which means what was asked (RFC 6749 section 5.1).
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_scope(token: Option<&tks_token>) -> *const c_char {
    token.and_then(|token| token.0.scope.as_ref()).map_or(ptr::null(), text)
}

/// When the token ends, in Unix seconds: the wall clock as it is now and tks_token_expires_in.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_expires_at(token: Option<&tks_token>) -> i64 {
    boundary::or(0, || {
        let since = token.map_or(Ok(Duration::ZERO), |token| token.0.expires_at().duration_since(UNIX_EPOCH));
        // Before 1970 only a wall clock that was never set could put it.
        since.map_or(0, |since| since.as_secs() as i64)
    })
}

/// How many seconds the token has left now, whatever was done to the wall clock; 0 when it is past.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_expires_in(token: Option<&tks_token>) -> f64 {
    boundary::or(0.0, || token.map_or(0.0, |token| token.0.expires_in().as_secs_f64()))
}

/// The token's number: see tks_source_generation.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_generation(token: Option<&tks_token>) -> u32 {
    boundary::or(0, || token.map_or(0, |token| token.0.generation()))
}

/// The JSON object that the server answered, without access_token, refresh_token and id_token: for what a server adds of its
/// own.
#[unsafe(no_mangle)]
pub extern "C" fn tks_token_response(token: Option<&tks_token>) -> *const c_char {
    token.map_or(ptr::null(), |token| text(&token.0.response))
}

/// Lets go of a token. Its memory is wiped when the source has let go of it too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tks_token_free(token: *mut tks_token) {
    // SAFETY: the header asks for a token that is not freed yet; this ends the hold that handing it out began.
    boundary::or((), || drop(unsafe { borrow(token) }.map(ManuallyDrop::into_inner)));
}
