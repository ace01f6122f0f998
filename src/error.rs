//! The one error type: what happened, whose fault it is and what to do next, with the parts as data.
//!
//! An error never holds a secret, a token, a Basic value or an unbounded piece of an answer: whoever builds one sees to
//! that before the text comes here. It knows nothing of time, except the seconds its maker gave it.

use std::{fmt, sync::Arc, time::Duration};

/// What kind of thing went wrong. The numbers are those of the C header; they are only ever added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Status {
    /// An unknown option or a bad value.
    InvalidArgument = 1,
    /// Each option is well formed, together they are not; or a file that an option names is unusable.
    InvalidConfig = 2,
    /// Resolving, connecting, reading, writing, or the proxy.
    Network = 3,
    /// The TLS handshake or a certificate.
    Tls = 4,
    /// The time that was allowed ran out.
    Timeout = 5,
    /// A refusing HTTP status without an OAuth error.
    Http = 6,
    /// The server named an OAuth error (RFC 6749 §5.2).
    OAuth = 7,
    /// A success that cannot be used.
    BadResponse = 8,
    /// A bug in this library, contained; or no thread can be had for a refresh, while the token is still good.
    Internal = 9,
    /// Not a failure: the fetch is still running.
    Pending = 10,
    /// The source was closed.
    Closed = 11,
}

/// What went wrong. Cheap to clone; may be used from any thread.
#[derive(Clone)]
pub struct Error {
    what: Arc<What>,
    retry_after: Option<Duration>,
}

#[derive(Clone)]
struct What {
    status: Status,
    message: String,
    oauth: Option<OAuth>,
    http_status: Option<u16>,
    transient: bool,
    again: bool,
    server_wait: Option<Duration>,
}

#[derive(Clone)]
struct OAuth {
    code: String,
    description: Option<String>,
    uri: Option<String>,
}

impl Error {
    /// An error of this kind that is neither transient nor tried again within its fetch.
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            what: Arc::new(What {
                status,
                message: message.into(),
                oauth: None,
                http_status: None,
                transient: false,
                again: false,
                server_wait: None,
            }),
            retry_after: None,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut What)) -> Self {
        change(Arc::make_mut(&mut self.what));
        self
    }

    /// Adds what the server named (RFC 6749 §5.2); each text has been made fit to print.
    pub(crate) fn with_oauth(self, code: String, description: Option<String>, uri: Option<String>) -> Self {
        self.with(|what| what.oauth = Some(OAuth { code, description, uri }))
    }

    pub(crate) fn with_http_status(self, status: u16) -> Self {
        self.with(|what| what.http_status = Some(status))
    }

    /// Says that the same request may well succeed later.
    pub(crate) fn transient(self) -> Self {
        self.with(|what| what.transient = true)
    }

    /// Says that the same fetch may try again at once (after its pause).
    pub(crate) fn worth_another_attempt(self) -> Self {
        self.with(|what| what.again = true)
    }

    /// Adds how long the server asked to be left alone (Retry-After), as it said it.
    pub(crate) fn with_server_wait(self, wait: Option<Duration>) -> Self {
        self.with(|what| what.server_wait = wait)
    }

    /// The same error, handed out with this much time left until the source asks again.
    pub(crate) fn with_retry_after(mut self, left: Duration) -> Self {
        self.retry_after = Some(left);
        self
    }

    pub(crate) fn is_worth_another_attempt(&self) -> bool {
        self.what.again
    }

    pub(crate) fn server_wait(&self) -> Option<Duration> {
        self.what.server_wait
    }

    /// What kind of thing went wrong.
    pub fn status(&self) -> Status {
        self.what.status
    }

    /// What happened, whose fault it is and what to do next, in one line of printable text. Never holds a secret.
    pub fn message(&self) -> &str {
        &self.what.message
    }

    /// The server's `error` (RFC 6749 §5.2); only with [`Status::OAuth`].
    pub fn oauth_error(&self) -> Option<&str> {
        self.what.oauth.as_ref().map(|oauth| oauth.code.as_str())
    }

    /// The server's `error_description`, shortened and made printable.
    pub fn oauth_description(&self) -> Option<&str> {
        self.what.oauth.as_ref().and_then(|oauth| oauth.description.as_deref())
    }

    /// The server's `error_uri`, where it is an http or https URL that can be shown whole.
    pub fn oauth_uri(&self) -> Option<&str> {
        self.what.oauth.as_ref().and_then(|oauth| oauth.uri.as_deref())
    }

    /// The HTTP status, where an answer came.
    pub fn http_status(&self) -> Option<u16> {
        self.what.http_status
    }

    /// How long until the source asks the server again, as of when this error was handed out. `None`: never, as it is
    /// for an error of the configuration or of a closed source.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same request may well succeed later, with nothing changed by anyone here.
    pub fn is_transient(&self) -> bool {
        self.what.transient
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("status", &self.status())
            .field("message", &self.message())
            .field("oauth_error", &self.oauth_error())
            .field("http_status", &self.http_status())
            .field("retry_after", &self.retry_after())
            .field("is_transient", &self.is_transient())
            .finish()
    }
}

impl std::error::Error for Error {}
