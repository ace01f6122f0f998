//! Source: keeps a token good.
//!
//! One source for each kind of token that the program needs, kept for as long as it runs: the source is what knows the
//! token, and what failed. It asks the server only when it is asked itself.

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

/// Checks a config as a whole and makes a source from a copy of it in `*source_out`, for the caller to free with
/// tks_source_free. Sends nothing and starts no thread, but reads the files that the options name, and of the environment
/// the variables about proxies and certificates.
///
/// TKS_INVALID_CONFIG: an option is missing, two contradict each other or a file is unusable. The message says which.
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

/// Puts a good token into `*token_out`, for the caller to free with tks_token_free. Two calls may hand out the same pointer:
/// each is freed all the same.
///
/// While the source has one this takes no lock, allocates nothing and never waits, also when the token ages and a refresh
/// runs beside it: only the call that starts the refresh does more, and with the option `refresh` set to `inline` fetches
/// itself. Otherwise it waits for the one fetch that all callers share, at most the option `timeout` counted from this
/// call. While the source holds off after a failed fetch it returns that error at once; once a second it looks first
/// whether the `client_secret_file`, if there is one, has changed.
///
/// TKS_TIMEOUT, TKS_NETWORK, TKS_TLS, TKS_HTTP, TKS_OAUTH, TKS_BAD_RESPONSE: the fetch failed; tks_error_retry_after tells
/// when the source asks again. TKS_INVALID_CONFIG: a file can no longer be used. TKS_CLOSED: the source was closed.
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

/// As tks_source_get, but waits at most `seconds` (0, negative or NaN: not at all; never more than `timeout`) and then
/// returns TKS_PENDING with the fetch still running, no token and no error. Ask again: an event loop passes 0 and comes
/// back after 1, 2, 4 ... 50 ms; a language that wants to see its signals passes 0.1. Called once and ignored, it warms a
/// source up.
///
/// With the option `refresh` set to `inline`, and where the system gives the library no thread, the caller fetches itself
/// and may stay longer than `seconds`.
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

/// The number of the token that tks_source_get would return now without starting or awaiting anything; 0 if there is
/// none. The quick way: keep a token, and as long as this equals its tks_token_generation it is the one to use.
///
/// Reads two coarse clocks and nothing else that costs: about 10 ns, no lock, no shared write, no allocation. Every fetch
/// that brings a token begins a new generation, even if the text is the same; the numbers wrap, past 0.
///
/// Also 0 where tks_source_get has to look first: when a clock was set or the machine slept, and while a failure is held
/// off that a changed `client_secret_file` may end.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_generation(source: Option<&tks_source>) -> u32 {
    let Some(tks_source(source)) = source else { return 0 };
    // The border itself would cost a tenth of the call, and there is nothing in a glance to contain.
    source.glance().unwrap_or_else(|| looked_up(source))
}

/// Out of line, so that the call above saves no registers for it.
#[cold]
fn looked_up(source: &TokenSource) -> u32 {
    boundary::or(0, || source.generation())
}

/// Says that the API refused `token`, with a 401 for example, although it is not past. If it is still the source's
/// current one, the next tks_source_get fetches another; an older or another source's token does nothing. `token` stays
/// the caller's. Does not wait.
///
/// The first acts at once. If the replacement is refused within 60 s too, further ones are ignored for 1 s, doubling to
/// 60 s: an API that answers 401 for a missing permission does not cost a token per call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tks_source_invalidate(source: Option<&tks_source>, token: *const tks_token) {
    boundary::or((), || {
        // SAFETY: the header asks for a token that is not freed yet.
        if let (Some(source), Some(token)) = (source, unsafe { token::borrow(token) }) {
            source.0.invalidate(&token);
        }
    });
}

/// How the last finished fetch ended: TKS_OK if it brought a token or none has finished, else its status, and its error in
/// `*error_out`. The way to see that refreshes fail while the token is still good and tks_source_get says TKS_OK.
///
/// TKS_INVALID_ARGUMENT: `source` is NULL.
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

/// A count since the source was made: `which` is one of TKS_STAT_REQUESTS, _FAILURES, _TOKENS and _WAITS; any other number
/// counts 0.
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

/// Makes every call that waits on the source return TKS_CLOSED now, as all later ones do; tks_source_generation is 0. The
/// tokens stay as they are. Does not wait: a fetch that runs ends by itself. With `refresh` set to `inline` the caller that
/// fetches returns when its fetch ends.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_close(source: Option<&tks_source>) {
    boundary::or((), || source.map_or((), |source| source.0.close()));
}

/// Frees a source once no call on it is running: tks_source_close ends those that wait. The tokens stay as they are. Never
/// waits for a fetch that runs.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_free(source: Option<Box<tks_source>>) {
    boundary::or((), || drop(source));
}
