//! Source: keeps a valid token.
//!
//! A program needs one source for each kind of token, for as long as it runs. The source holds the cached token and the
//! last failure. It sends a request only when a caller needs a token.

use super::{
    boundary,
    config::tks_config,
    error::{TKS_OK, TKS_PENDING, tks_error, tks_status},
    text,
    token::{self, tks_token},
};
use crate::TokenSource;
use std::{mem::MaybeUninit, ptr};

/// The number of requests that were sent: to the token endpoint, and for the metadata of `issuer`.
pub const TKS_STAT_REQUESTS: i32 = 1;
/// The number of fetches that failed.
pub const TKS_STAT_FAILURES: i32 = 2;
/// The number of fetches that returned a token.
pub const TKS_STAT_TOKENS: i32 = 3;
/// The number of function calls that waited for a fetch.
pub const TKS_STAT_WAITS: i32 = 4;

/// Keeps a valid token. May be used by any number of threads at the same time.
pub struct tks_source(TokenSource);

/// Checks a config as a whole, and stores a source made from a copy of it in `*source_out`. The caller frees the source
/// with tks_source_free. Sends nothing and starts no thread. Reads the files that the options name, and the environment
/// variables for proxies and certificates.
///
/// TKS_INVALID_CONFIG: an option is missing, two options contradict each other, or a file is not usable. The message names
/// the option.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_new(
    config: Option<&tks_config>,
    source_out: Option<&mut MaybeUninit<Option<Box<tks_source>>>>,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let source_out = boundary::out("source_out", source_out, None)?;
        let config = config.ok_or_else(|| boundary::null_argument("config"))?;
        *source_out = Some(Box::new(tks_source(TokenSource::new(&config.0)?)));
        Ok(TKS_OK)
    })
}

/// Stores a valid token in `*token_out`. The caller frees it with tks_token_free. Two calls may store the same pointer;
/// each call then needs its own tks_token_free.
///
/// While the source has a valid token, this function takes no lock, allocates nothing and never waits. A refresh runs in
/// the background, and only the call that starts it does more. With the option `refresh` set to `inline`, that call
/// performs the fetch.
///
/// Without a valid token, this function waits for the one fetch that all callers share. It waits at most the option
/// `timeout`, counted from this call. During the hold-off after a failed fetch it returns the error of that fetch at once.
/// If that fetch read a file, it first checks once a second whether the file has changed.
///
/// TKS_TIMEOUT, TKS_NETWORK, TKS_TLS, TKS_HTTP, TKS_OAUTH, TKS_BAD_RESPONSE: the fetch failed. tks_error_retry_after
/// returns the seconds until the next request. TKS_INVALID_CONFIG: a file is no longer usable. TKS_CLOSED: the source was
/// closed.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_get(
    source: Option<&tks_source>,
    token_out: Option<&mut MaybeUninit<*mut tks_token>>,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let token_out = boundary::out("token_out", token_out, ptr::null_mut())?;
        let source = source.ok_or_else(|| boundary::null_argument("source"))?;
        *token_out = token::into_handle(source.0.get()?);
        Ok(TKS_OK)
    })
}

/// Does the same as tks_source_get, but waits at most `seconds`, and never longer than `timeout`. Does not wait if
/// `seconds` is 0, negative or NaN. Returns TKS_PENDING if the fetch is still running; then there is no token and no error.
///
/// An event loop passes 0 and calls again after 1, 2, 4 ... 50 ms. A language runtime that must handle signals passes 0.1.
/// One call with 0 at the start of the program warms a source up.
///
/// With the option `refresh` set to `inline`, or if the system provides no thread, the calling thread performs the
/// fetch. The call may then take longer than `seconds`.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_get_within(
    source: Option<&tks_source>,
    seconds: f64,
    token_out: Option<&mut MaybeUninit<*mut tks_token>>,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let token_out = boundary::out("token_out", token_out, ptr::null_mut())?;
        let source = source.ok_or_else(|| boundary::null_argument("source"))?;
        let Some(token) = source.0.get_within(text::seconds(seconds))? else { return Ok(TKS_PENDING) };
        *token_out = token::into_handle(token);
        Ok(TKS_OK)
    })
}

/// Returns the generation of the token that tks_source_get would return now without starting or awaiting a fetch. Returns
/// 0 if there is no such token.
///
/// This is the fast path. A caller keeps a token and compares this number with tks_token_generation before each use. The
/// token is current while the two are equal.
///
/// Reads two coarse clocks, which takes about 10 ns: no lock, no shared write, no allocation. The numbers wrap around and
/// skip 0.
///
/// Every other token begins a new generation. If the server returns the same token again, the generation stays. It changes
/// all the same if the server extends the token or ends it sooner, or if the token was reported by tks_source_invalidate.
///
/// Also returns 0 when tks_source_get has to check first. This is so after a clock was set or the machine slept, and
/// during a hold-off that a changed file may end.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_generation(source: Option<&tks_source>) -> u32 {
    let Some(tks_source(source)) = source else { return 0 };
    // The boundary would cost a tenth of the call, and nothing in the fast path can panic.
    source.try_fast_generation().unwrap_or_else(|| slow_generation(source))
}

/// Out of line, so that the function above saves no registers for it.
#[cold]
#[inline(never)]
fn slow_generation(source: &TokenSource) -> u32 {
    boundary::infallible(0, || source.generation())
}

/// Reports that the API rejected `token`, for example with a 401, before it expired. If it is the current token of the
/// source, or an older handle of the same access token, the next tks_source_get fetches another. Any other token, or a token
/// of another source, changes nothing. The caller still owns `token`. Does not wait.
///
/// The first report takes effect at once. If the API rejects the replacement within 60 s too, further reports are ignored
/// for 1 s, doubling up to 60 s. So an API that responds 401 because of a missing permission does not cost a token for
/// each call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tks_source_invalidate(source: Option<&tks_source>, token: *const tks_token) {
    boundary::infallible((), || {
        // SAFETY: the header requires a token that is not freed yet.
        if let (Some(source), Some(token)) = (source, unsafe { token::borrow(token) }) {
            source.0.invalidate(&token);
        }
    });
}

/// Returns TKS_OK if the last finished fetch returned a token, or if no fetch has finished. Otherwise returns the status of
/// that fetch, and stores its error in `*error_out`. Shows that refreshes fail while the token is still valid and
/// tks_source_get returns TKS_OK.
///
/// TKS_INVALID_ARGUMENT: `source` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_last_error(
    source: Option<&tks_source>,
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
) -> tks_status {
    boundary::fallible(error_out, || {
        let source = source.ok_or_else(|| boundary::null_argument("source"))?;
        source.0.last_error().map_or(Ok(TKS_OK), Err)
    })
}

/// Returns a count since the source was made. `which` is TKS_STAT_REQUESTS, TKS_STAT_FAILURES, TKS_STAT_TOKENS or
/// TKS_STAT_WAITS. Returns 0 for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_stat(source: Option<&tks_source>, which: i32) -> u64 {
    boundary::infallible(0, || {
        let Some(tks_source(source)) = source else { return 0 };
        let stats = source.stats();
        match which {
            TKS_STAT_REQUESTS => stats.requests,
            TKS_STAT_FAILURES => stats.failures,
            TKS_STAT_TOKENS => stats.tokens,
            TKS_STAT_WAITS => stats.waits,
            _ => 0,
        }
    })
}

/// Makes every call that waits on the source return TKS_CLOSED now. All later calls return TKS_CLOSED too, and
/// tks_source_generation returns 0. Tokens remain usable. Does not wait: a running fetch ends by itself. With the option
/// `refresh` set to `inline`, the caller that performs a fetch returns when that fetch ends.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_close(source: Option<&tks_source>) {
    boundary::infallible((), || source.map_or((), |source| source.0.close()));
}

/// Frees a source. Every other call on it must have returned; tks_source_close ends the calls that wait. Tokens remain
/// usable. Never waits for a running fetch.
#[unsafe(no_mangle)]
pub extern "C" fn tks_source_free(source: Option<Box<tks_source>>) {
    boundary::infallible((), || drop(source));
}
