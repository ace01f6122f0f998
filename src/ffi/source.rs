//! Source: keeps a token good.
//!
//! Make one for each token that the program needs and keep it: a source is what knows the token, and its failures.

use super::{
    boundary,
    config::tks_config,
    error::{TKS_OK, TKS_PENDING, tks_error, tks_status},
    text,
    token::{self, tks_token},
};
use crate::TokenSource;
use std::{mem::MaybeUninit, ptr};

/// How many requests were sent to the token endpoint.
pub const TKS_STAT_REQUESTS: i32 = 1;
/// How many fetches failed.
pub const TKS_STAT_FAILURES: i32 = 2;
/// How many fetches brought a token.
pub const TKS_STAT_TOKENS: i32 = 3;
/// How many calls had to wait for a fetch.
pub const TKS_STAT_WAITS: i32 = 4;

/// Keeps a token good. Any thread, any time.
pub struct tks_source(TokenSource);

#[unsafe(no_mangle)]
pub extern "C" fn tks_source_new(
    config: Option<&tks_config>,
    source_out: Option<&mut MaybeUninit<Option<Box<tks_source>>>>,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let source_out = boundary::out("source_out", source_out, None)?;
        let config = config.ok_or_else(|| boundary::null("config"))?;
        *source_out = Some(Box::new(tks_source(TokenSource::new(&config.0)?)));
        Ok(TKS_OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn tks_source_get(
    source: Option<&tks_source>,
    token_out: Option<&mut MaybeUninit<*mut tks_token>>,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let token_out = boundary::out("token_out", token_out, ptr::null_mut())?;
        let source = source.ok_or_else(|| boundary::null("source"))?;
        *token_out = token::hand_out(source.0.get()?);
        Ok(TKS_OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn tks_source_get_within(
    source: Option<&tks_source>,
    seconds: f64,
    token_out: Option<&mut MaybeUninit<*mut tks_token>>,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let token_out = boundary::out("token_out", token_out, ptr::null_mut())?;
        let source = source.ok_or_else(|| boundary::null("source"))?;
        let Some(token) = source.0.get_within(text::seconds(seconds))? else { return Ok(TKS_PENDING) };
        *token_out = token::hand_out(token);
        Ok(TKS_OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn tks_source_generation(source: Option<&tks_source>) -> u32 {
    boundary::or(0, || source.map_or(0, |source| source.0.generation()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn tks_source_invalidate(source: Option<&tks_source>, token: *const tks_token) {
    boundary::or((), || {
        // SAFETY: the header asks for a token that is not freed yet.
        if let (Some(source), Some(token)) = (source, unsafe { token::borrow(token) }) {
            source.0.invalidate(&token);
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn tks_source_last_error(
    source: Option<&tks_source>,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let source = source.ok_or_else(|| boundary::null("source"))?;
        source.0.last_error().map_or(Ok(TKS_OK), Err)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn tks_source_stat(source: Option<&tks_source>, which: i32) -> u64 {
    boundary::or(0, || {
        let Some(tks_source(source)) = source else { return 0 };
        match which {
            TKS_STAT_REQUESTS => source.requests(),
            TKS_STAT_FAILURES => source.failures(),
            TKS_STAT_TOKENS => source.tokens(),
            TKS_STAT_WAITS => source.waits(),
            _ => 0,
        }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn tks_source_close(source: Option<&tks_source>) {
    boundary::or((), || source.map_or((), |source| source.0.close()));
}

#[unsafe(no_mangle)]
pub extern "C" fn tks_source_free(source: Option<Box<tks_source>>) {
    boundary::or((), || drop(source));
}
