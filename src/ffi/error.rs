//! Error: what went wrong, with its parts.

use crate::{Error, ErrorKind};
use std::{
    ffi::{CString, c_char},
    ptr,
};

/// How a call ended: one of the TKS_ numbers below. More may be added, none is ever renumbered: keep a default branch.
pub type tks_status = i32;

/// It worked.
pub const TKS_OK: tks_status = 0;
/// An argument is NULL, not UTF-8, an unknown option or a bad value.
pub const TKS_INVALID_ARGUMENT: tks_status = 1;
/// Each option is well formed, together they are not; or a file that an option names is unusable.
pub const TKS_INVALID_CONFIG: tks_status = 2;
/// Resolving, connecting, reading, writing, or the proxy.
pub const TKS_NETWORK: tks_status = 3;
/// The TLS handshake or a certificate.
pub const TKS_TLS: tks_status = 4;
/// The time that was allowed ran out.
pub const TKS_TIMEOUT: tks_status = 5;
/// A refusing HTTP status without an OAuth error.
pub const TKS_HTTP: tks_status = 6;
/// The server named an OAuth error (RFC 6749 section 5.2).
pub const TKS_OAUTH: tks_status = 7;
/// A success that cannot be used.
pub const TKS_BAD_RESPONSE: tks_status = 8;
/// A bug in this library, contained; or no thread can be had for a refresh, while the token is still good.
pub const TKS_INTERNAL: tks_status = 9;
/// Not an error: the fetch is still running.
pub const TKS_PENDING: tks_status = 10;
/// tks_source_close was called.
pub const TKS_CLOSED: tks_status = 11;

const _: () = {
    assert!(TKS_INVALID_ARGUMENT == ErrorKind::InvalidArgument as tks_status);
    assert!(TKS_INVALID_CONFIG == ErrorKind::InvalidConfig as tks_status);
    assert!(TKS_NETWORK == ErrorKind::Network as tks_status);
    assert!(TKS_TLS == ErrorKind::Tls as tks_status);
    assert!(TKS_TIMEOUT == ErrorKind::Timeout as tks_status);
    assert!(TKS_HTTP == ErrorKind::Http as tks_status);
    assert!(TKS_OAUTH == ErrorKind::OAuth as tks_status);
    assert!(TKS_BAD_RESPONSE == ErrorKind::BadResponse as tks_status);
    assert!(TKS_INTERNAL == ErrorKind::Internal as tks_status);
    assert!(TKS_CLOSED == ErrorKind::Closed as tks_status);
};

/// What went wrong, with its parts. Never changes. Any thread, any time.
pub struct tks_error {
    status: tks_status,
    message: CString,
    oauth_error: Option<CString>,
    oauth_description: Option<CString>,
    oauth_uri: Option<CString>,
    http_status: i32,
    retry_after: f64,
    is_transient: bool,
}

impl tks_error {
    pub(super) fn new(error: &Error) -> Self {
        // The core's texts are printable, so none holds a NUL.
        let text = |text: &str| CString::new(text).unwrap_or_default();
        Self {
            status: error.kind() as tks_status,
            message: text(error.message()),
            oauth_error: error.oauth_error().map(text),
            oauth_description: error.oauth_description().map(text),
            oauth_uri: error.oauth_uri().map(text),
            http_status: error.http_status().map_or(0, i32::from),
            retry_after: error.retry_after().map_or(-1.0, |left| left.as_secs_f64()),
            is_transient: error.is_retryable(),
        }
    }
}

fn text(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// The status that the failed call returned.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_status(error: Option<&tks_error>) -> tks_status {
    error.map_or(TKS_INVALID_ARGUMENT, |error| error.status)
}

/// What happened, whose fault it is and what to do next: one line of printable text without secrets, for a log. Where it
/// repeats the system's own words, they are in the language of the locale that the program has set.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_message(error: Option<&tks_error>) -> *const c_char {
    text(error.map(|error| &error.message))
}

/// The server's code (RFC 6749 section 5.2), such as "invalid_client". NULL unless the status is TKS_OAUTH.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_oauth_error(error: Option<&tks_error>) -> *const c_char {
    text(error.and_then(|error| error.oauth_error.as_ref()))
}

/// The server's error_description, shortened and made printable, or NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_oauth_description(error: Option<&tks_error>) -> *const c_char {
    text(error.and_then(|error| error.oauth_description.as_ref()))
}

/// The server's error_uri, where it is an http or https URL that can be shown whole, or NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_oauth_uri(error: Option<&tks_error>) -> *const c_char {
    text(error.and_then(|error| error.oauth_uri.as_ref()))
}

/// The HTTP status of the server's answer; 0 if none came.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_http_status(error: Option<&tks_error>) -> i32 {
    error.map_or(0, |error| error.http_status)
}

/// Seconds until the source asks the server again, counted from when the error was handed out; until then its callers get
/// this error at once. Negative: it never will.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_retry_after(error: Option<&tks_error>) -> f64 {
    error.map_or(0.0, |error| error.retry_after)
}

/// 1 if the same request may well succeed later with nothing changed here, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_is_transient(error: Option<&tks_error>) -> i32 {
    error.map_or(0, |error| error.is_transient.into())
}

/// Frees an error.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_free(error: Option<Box<tks_error>>) {
    drop(error);
}
