//! The one error type: what happened, whose fault it is and what to do next, with the parts as data.
//!
//! An error must not hold a secret, a token, a Basic value or an unbounded part of a response. So each text is redacted and
//! shortened before it comes here. This file reads no clock: durations are parameters.

use std::{fmt, sync::Arc, time::Duration};

/// What kind of failure an [`Error`] reports.
///
/// The numbers are those of the C header, which also has 10 for a fetch that is still running. Kinds are only ever added:
/// keep a `_` arm in a `match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option is unknown or its value is not allowed.
    InvalidArgument = 1,
    /// Each option is well formed, but together they are not; or a file that an option names is not usable.
    InvalidConfig = 2,
    /// Resolving, connecting, reading or writing failed, or the proxy failed.
    Network = 3,
    /// The TLS handshake failed, or a certificate is not usable.
    Tls = 4,
    /// The time allowed ran out.
    Timeout = 5,
    /// The server rejected the request with an HTTP status and without an OAuth error.
    Http = 6,
    /// The server named an OAuth error (RFC 6749 §5.2).
    OAuth = 7,
    /// The server reported success, but its response is not usable.
    BadResponse = 8,
    /// A bug in this library was contained; or no thread could be started for a refresh while the token was still valid.
    Internal = 9,
    /// The source was closed.
    Closed = 11,
}

/// What went wrong, with its parts. Cheap to clone, and usable from any thread.
#[derive(Clone)]
pub struct Error {
    report: Arc<Report>,
    retry_after: Option<Duration>,
}

#[derive(Clone)]
struct Report {
    kind: ErrorKind,
    message: String,
    oauth: Option<OAuth>,
    http_status: Option<u16>,
    retryable: bool,
    worth_another_attempt: bool,
    server_wait: Option<Duration>,
}

#[derive(Clone)]
struct OAuth {
    code: String,
    description: Option<String>,
    uri: Option<String>,
}

impl Error {
    /// Returns an error that is neither retryable nor worth another attempt.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            report: Arc::new(Report {
                kind,
                message: message.into(),
                oauth: None,
                http_status: None,
                retryable: false,
                worth_another_attempt: false,
                server_wait: None,
            }),
            retry_after: None,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Report)) -> Self {
        change(Arc::make_mut(&mut self.report));
        self
    }

    /// Adds the error that the server named (RFC 6749 §5.2). The texts are printable already.
    pub(crate) fn with_oauth(self, code: String, description: Option<String>, uri: Option<String>) -> Self {
        self.with(|report| report.oauth = Some(OAuth { code, description, uri }))
    }

    pub(crate) fn with_http_status(self, status: u16) -> Self {
        self.with(|report| report.http_status = Some(status))
    }

    /// Marks that the same request may succeed later.
    pub(crate) fn retryable(self) -> Self {
        self.with(|report| report.retryable = true)
    }

    /// Marks that the same fetch may send another attempt, after its backoff.
    pub(crate) fn worth_another_attempt(self) -> Self {
        self.with(|report| report.worth_another_attempt = true)
    }

    /// Adds the server's Retry-After, as the server wrote it.
    pub(crate) fn with_server_wait(self, wait: Option<Duration>) -> Self {
        self.with(|report| report.server_wait = wait)
    }

    /// Adds to the end of the message.
    pub(crate) fn with_suffix(self, suffix: &str) -> Self {
        self.with(|report| report.message.push_str(suffix))
    }

    /// Adds the time left until the source sends another request.
    pub(crate) fn with_retry_after(mut self, left: Duration) -> Self {
        self.retry_after = Some(left);
        self
    }

    pub(crate) fn is_worth_another_attempt(&self) -> bool {
        self.report.worth_another_attempt
    }

    pub(crate) fn server_wait(&self) -> Option<Duration> {
        self.report.server_wait
    }

    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.report.kind
    }

    /// Returns what happened, whose fault it is and what to do next, in one line of printable text without secrets.
    pub fn message(&self) -> &str {
        &self.report.message
    }

    /// Returns the server's `error` (RFC 6749 §5.2); None unless the kind is [`ErrorKind::OAuth`].
    pub fn oauth_error(&self) -> Option<&str> {
        self.report.oauth.as_ref().map(|oauth| oauth.code.as_str())
    }

    /// Returns the server's `error_description`, shortened and printable.
    pub fn oauth_description(&self) -> Option<&str> {
        self.report.oauth.as_ref().and_then(|oauth| oauth.description.as_deref())
    }

    /// Returns the server's `error_uri`; None unless it is an http or https URL that is short enough to be shown in full.
    pub fn oauth_uri(&self) -> Option<&str> {
        self.report.oauth.as_ref().and_then(|oauth| oauth.uri.as_deref())
    }

    /// Returns the HTTP status of the response; None if no response came.
    pub fn http_status(&self) -> Option<u16> {
        self.report.http_status
    }

    /// Returns the time until the source sends another request, counted from the function call that returned this error.
    ///
    /// Returns None if the source never does, as after an error of the configuration or of a closed source.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns true if the error is retryable: the same request may succeed later, although nothing changes on this side.
    pub fn is_transient(&self) -> bool {
        self.report.retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("message", &self.message())
            .field("oauth_error", &self.oauth_error())
            .field("http_status", &self.http_status())
            .field("retry_after", &self.retry_after())
            .field("is_transient", &self.is_transient())
            .finish()
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    /// Returns the doc comment before each `… = NUMBER` of a source file.
    fn descriptions(source: &str) -> BTreeMap<u32, String> {
        let mut found = BTreeMap::new();
        let mut comment = Vec::new();
        for line in source.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("/// ") {
                comment.push(text);
            } else {
                let number =
                    line.rsplit_once(" = ").and_then(|(_, number)| number.trim_end_matches([',', ';']).parse().ok());
                if let Some(number) = number {
                    found.insert(number, comment.join(" ").replace('§', "section "));
                }
                comment.clear();
            }
        }
        found
    }

    #[test]
    fn each_kind_is_described_as_its_status_in_the_header() {
        let kinds = descriptions(include_str!("error.rs").split("impl Error").next().unwrap());
        let statuses = descriptions(include_str!("ffi/error.rs").split("const _").next().unwrap());
        assert_eq!((kinds.len(), statuses.len()), (10, 12));
        for (number, kind) in kinds {
            // The header adds what only C can get wrong: an argument that is NULL or not UTF-8.
            assert!(
                statuses[&number].starts_with(kind.trim_end_matches('.')),
                "{number}: {kind} {}",
                statuses[&number]
            );
        }
    }
}
