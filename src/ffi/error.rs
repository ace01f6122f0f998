//! Error: what went wrong, with its parts.

use crate::{Error, ErrorKind};
use std::{
    ffi::{CStr, CString, c_char},
    ptr,
};

/// The result of a function call: one of the TKS_ numbers of the error section. Numbers may be added and are never
/// changed: keep a default branch.
pub type tks_status = i32;

/// Success.
pub const TKS_OK: tks_status = 0;
/// An option is unknown or its value is not allowed; or an argument is NULL or not UTF-8.
pub const TKS_INVALID_ARGUMENT: tks_status = 1;
/// Each option is well formed, but together they are not; or a file that an option names is not usable.
pub const TKS_INVALID_CONFIG: tks_status = 2;
/// Resolving, connecting, reading or writing failed, or the proxy failed.
pub const TKS_NETWORK: tks_status = 3;
/// The TLS handshake failed, or a certificate is not usable.
pub const TKS_TLS: tks_status = 4;
/// The time allowed ran out.
pub const TKS_TIMEOUT: tks_status = 5;
/// The server rejected the request with an HTTP status and without an OAuth error.
pub const TKS_HTTP: tks_status = 6;
/// The server named an OAuth error (RFC 6749 section 5.2).
pub const TKS_OAUTH: tks_status = 7;
/// The server reported success, but its response is not usable.
pub const TKS_BAD_RESPONSE: tks_status = 8;
/// A bug in this library was contained; or no thread could be started for a refresh while the token was still valid.
pub const TKS_INTERNAL: tks_status = 9;
/// Not an error: the fetch is still running.
pub const TKS_PENDING: tks_status = 10;
/// The source was closed.
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

pub(super) fn name(status: tks_status) -> &'static CStr {
    match status {
        TKS_OK => c"TKS_OK",
        TKS_INVALID_ARGUMENT => c"TKS_INVALID_ARGUMENT",
        TKS_INVALID_CONFIG => c"TKS_INVALID_CONFIG",
        TKS_NETWORK => c"TKS_NETWORK",
        TKS_TLS => c"TKS_TLS",
        TKS_TIMEOUT => c"TKS_TIMEOUT",
        TKS_HTTP => c"TKS_HTTP",
        TKS_OAUTH => c"TKS_OAUTH",
        TKS_BAD_RESPONSE => c"TKS_BAD_RESPONSE",
        TKS_INTERNAL => c"TKS_INTERNAL",
        TKS_PENDING => c"TKS_PENDING",
        TKS_CLOSED => c"TKS_CLOSED",
        _ => c"TKS_UNKNOWN",
    }
}

/// What went wrong, with its parts. Never changes. May be used by any number of threads at the same time.
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
        // The core's texts are printable, so none contains a NUL.
        let text = |text: &str| CString::new(text).unwrap_or_default();
        Self {
            status: error.kind() as tks_status,
            message: text(error.message()),
            oauth_error: error.oauth_error().map(text),
            oauth_description: error.oauth_description().map(text),
            oauth_uri: error.oauth_uri().map(text),
            http_status: error.http_status().map_or(0, i32::from),
            retry_after: error.retry_after().map_or(-1.0, |left| left.as_secs_f64()),
            is_transient: error.is_transient(),
        }
    }
}

fn text(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// Returns the status of the failed call.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_status(error: Option<&tks_error>) -> tks_status {
    error.map_or(TKS_INVALID_ARGUMENT, |error| error.status)
}

/// Returns one line of printable text for a log: what happened, whose fault it is and what to do next. It contains no
/// secret. Messages of the operating system are in the language of the program's locale.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_message(error: Option<&tks_error>) -> *const c_char {
    text(error.map(|error| &error.message))
}

/// Returns the server's error code (RFC 6749 section 5.2), such as "invalid_client". Returns NULL unless the status is
/// TKS_OAUTH.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_oauth_error(error: Option<&tks_error>) -> *const c_char {
    text(error.and_then(|error| error.oauth_error.as_ref()))
}

/// Returns the server's error_description, shortened and made printable. Returns NULL if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_oauth_description(error: Option<&tks_error>) -> *const c_char {
    text(error.and_then(|error| error.oauth_description.as_ref()))
}

/// Returns the server's error_uri. Returns NULL if there is none, or if it is not an http or https URL that can be shown
/// in full.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_oauth_uri(error: Option<&tks_error>) -> *const c_char {
    text(error.and_then(|error| error.oauth_uri.as_ref()))
}

/// Returns the HTTP status of the server's response. Returns 0 if there was no response.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_http_status(error: Option<&tks_error>) -> i32 {
    error.map_or(0, |error| error.http_status)
}

/// Returns the seconds until the source sends the next request, counted from when this error was returned. Until then
/// callers get this error at once. Returns a negative number if the source sends no further request.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_retry_after(error: Option<&tks_error>) -> f64 {
    error.map_or(0.0, |error| error.retry_after)
}

/// Returns 1 if the error is retryable: the same request may succeed later without a change on this side. Otherwise
/// returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_is_transient(error: Option<&tks_error>) -> i32 {
    error.map_or(0, |error| error.is_transient.into())
}

/// Frees an error.
#[unsafe(no_mangle)]
pub extern "C" fn tks_error_free(error: Option<Box<tks_error>>) {
    drop(error);
}
