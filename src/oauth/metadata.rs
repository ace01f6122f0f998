//! Pure: the metadata of an authorization server (RFC 8414, OpenID Connect Discovery 1.0). It says where the document of an
//! issuer is, and what of the document counts.
//!
//! A document names the token endpoint. It must never choose the audience of an assertion, nor how the client
//! authenticates: a malicious one would make an assertion that is good at an honest server (CVE-2025-27370).

use crate::{
    config::{Endpoint, NamedBy},
    error::{Error, ErrorKind},
    oauth::{
        json::{self, Object, ObjectError},
        redirect,
        request::{HttpRequest, Value},
        response::RawResponse,
        times,
    },
    redact::Redactor,
    secret::Secret,
};
use std::{
    fmt::Write,
    net::{IpAddr, Ipv6Addr},
    str,
};

/// What of a document counts.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) token_endpoint: Endpoint,
    /// How clients can authenticate, in the words of the registry (RFC 8414 §2). It serves for hints only.
    pub(crate) auth_methods: Vec<&'static str>,
}

/// The registered methods that a hint may repeat.
const METHODS: [&str; 7] = [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
];

const CHECK_ISSUER: &str = "check issuer, or set token_url";
const WHOSE_FAULT: &str = "ask the server's operator, or set token_url";

/// A URL or an issuer in a message, in characters.
const LONGEST_URL: usize = 200;

/// A lookup of the metadata. It asks the second place only if the first has no document.
pub(crate) struct Lookup<'a> {
    issuer: &'a Endpoint,
    has_certificate: bool,
    secrets: &'a [Secret],
    /// How the first place responded, which has no document.
    missed: Option<String>,
}

/// Why a response brought no metadata.
struct Refused {
    error: Error,
    /// How the place responded, if another place may have the document.
    missed: Option<String>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, missed: None }
    }
}

impl<'a> Lookup<'a> {
    /// Begins a lookup of the issuer's metadata. The document may name another endpoint for clients with a certificate.
    /// `secrets` are the texts that no error may show.
    pub(crate) fn new(issuer: &'a Endpoint, has_certificate: bool, secrets: &'a [Secret]) -> Self {
        Self { issuer, has_certificate, secrets, missed: None }
    }

    /// Returns the request to the next place. It holds no credential, and none of the caller's headers: what they hold is
    /// meant for the token endpoint.
    pub(crate) fn request(&self, user_agent: &str) -> HttpRequest {
        let open = |name: &str, value: &str| (name.to_owned(), Value::Open(value.to_owned()));
        let headers = vec![open("user-agent", user_agent), open("accept", "application/json")];
        HttpRequest { endpoint: self.place(), headers, body: None }
    }

    /// Returns the place to ask now.
    fn place(&self) -> Endpoint {
        let [first, second] = places(self.issuer);
        if self.missed.is_none() { first } else { second }
    }

    /// Reads the response to the last request. Returns None if the next place is to be asked.
    pub(crate) fn read(&mut self, response: &RawResponse, wall_seconds: i64) -> Option<Result<Metadata, Error>> {
        match self.document(response, wall_seconds) {
            Ok(metadata) => Some(Ok(metadata)),
            Err(Refused { missed: Some(missed), .. }) if self.missed.is_none() => {
                self.missed = Some(missed);
                None
            }
            Err(Refused { error, .. }) => Some(Err(self.with_places(error))),
        }
    }

    /// Returns the error with the places that were asked.
    pub(crate) fn with_places(&self, error: Error) -> Error {
        let redactor = self.redactor();
        let [first, second] = places(self.issuer).map(|place| redactor.redact(&place.url, LONGEST_URL));
        error.with_suffix(&match &self.missed {
            None => format!("; tried {first}"),
            Some(missed) => format!("; tried {first} ({missed}) and {second}"),
        })
    }

    fn redactor(&self) -> Redactor {
        Redactor::new(self.secrets.iter().map(Secret::expose))
    }

    fn document(&self, response: &RawResponse, wall_seconds: i64) -> Result<Metadata, Refused> {
        let status = response.status;
        if status != 200 {
            return Err(self.refusal(response, wall_seconds));
        }
        let bad = |why: &str| Error::new(ErrorKind::BadResponse, why).with_http_status(status);
        let text = str::from_utf8(&response.body).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
        let text = text.ok().filter(|_| !response.is_encoded());
        match text.map(Object::read) {
            Some(Ok(object)) => Ok(self.metadata(&object).map_err(|why| bad(&why))?),
            None | Some(Err(ObjectError::NotJson { .. } | ObjectError::NotAnObject)) => {
                let why = format!("the metadata of issuer responded with 200, but no JSON object; {CHECK_ISSUER}");
                Err(Refused { error: bad(&why), missed: Some("no JSON object".into()) })
            }
            Some(Err(error)) => Err(bad(&reason(&error)).into()),
        }
    }

    /// Returns the error for a status that brings no document.
    fn refusal(&self, response: &RawResponse, wall_seconds: i64) -> Refused {
        let status = response.status;
        let start = format!("the metadata of issuer responded with {status}");
        if let 201..=299 = status {
            let why = format!("{start}, but a document comes with 200 (RFC 8414 §3.2); {CHECK_ISSUER}");
            return Error::new(ErrorKind::BadResponse, why).with_http_status(status).into();
        }
        let is_retryable = matches!(status, 408 | 425 | 429) || status >= 500;
        let hint = match status {
            300..=399 => {
                let place = self.place();
                let location = response.find("location", |location| redirect::Target::read(location, &place));
                let url = location.map(|target| self.redactor().redact(&target.url, LONGEST_URL));
                let url = url.as_deref().unwrap_or("nowhere");
                format!("redirects are never followed, and this one points to {url}; {CHECK_ISSUER}")
            }
            407 | 511 => {
                "a proxy or portal on the way responded, not the server: sign in there, or set proxy with a user \
                          and password"
                    .to_owned()
            }
            429 => "the server limits the rate of requests: the library tries again later".to_owned(),
            _ if is_retryable => {
                "the server has a problem: the library tries again later; if the problem stays, ask the \
                                  server's operator"
                    .to_owned()
            }
            _ => CHECK_ISSUER.to_owned(),
        };
        let wait = response.find("retry-after", |value| times::retry_after(value, response.time(wall_seconds).now()));
        let error = Error::new(ErrorKind::Http, format!("{start}; {hint}"));
        let error = error.with_http_status(status).with_server_wait(wait);
        let is_elsewhere = matches!(status, 300..=399 | 400 | 401 | 403 | 404 | 405 | 410);
        Refused {
            error: if is_retryable { error.retryable().worth_another_attempt() } else { error },
            missed: is_elsewhere.then(|| status.to_string()),
        }
    }

    /// Returns what of the document counts, or why the document does not hold.
    fn metadata(&self, document: &Object<'_>) -> Result<Metadata, String> {
        let Some(issuer) = document.text("issuer") else {
            return Err(format!("the metadata of issuer names no issuer; {CHECK_ISSUER}"));
        };
        // RFC 8414 §3.3: else one server could answer for another.
        if issuer.as_str() != self.issuer.url {
            let shown = self.redactor().redact(&issuer, LONGEST_URL);
            let mut why = format!(
                "the metadata of issuer says issuer \"{shown}\": set issuer to that if it is the server you mean"
            );
            if let Some(difference) = difference(&issuer, &self.issuer.url) {
                let _ = write!(why, " ({difference})");
            }
            return Err(why);
        }
        let (name, url) = self.token_endpoint(document)?;
        Ok(Metadata { token_endpoint: self.checked(name, &url)?, auth_methods: auth_methods(document) })
    }

    /// Returns the name and the value of the member that names the token endpoint for this client.
    fn token_endpoint(&self, document: &Object<'_>) -> Result<(&'static str, String), String> {
        // RFC 8705 §5.
        let aliases = document.get("mtls_endpoint_aliases").filter(|_| self.has_certificate);
        if let Some(aliases) = aliases {
            let aliases = Object::read(aliases.get()).map_err(|error| match error {
                ObjectError::NotAnObject => {
                    format!("the metadata of issuer has mtls_endpoint_aliases that is no object; {WHOSE_FAULT}")
                }
                error => reason(&error),
            })?;
            if let Some(alias) = aliases.get("token_endpoint") {
                let name = "mtls_endpoint_aliases.token_endpoint";
                let url =
                    json::text(alias).ok_or(format!("the metadata of issuer names no usable {name}; {WHOSE_FAULT}"))?;
                return Ok((name, url.to_string()));
            }
        }
        let url = document.text("token_endpoint");
        let url = url.ok_or(format!("the metadata of issuer names no token_endpoint; {WHOSE_FAULT}"))?;
        Ok(("token_endpoint", url.to_string()))
    }

    /// Returns the endpoint if a credential may go there.
    fn checked(&self, name: &str, url: &str) -> Result<Endpoint, String> {
        let endpoint = Endpoint::parse(url).map_err(|wrong| {
            // What follows the colon is advice for an option.
            let wrong = wrong.split(": ").next().unwrap_or_default();
            format!("the metadata of issuer names a {name} that is not usable ({wrong}); {WHOSE_FAULT}")
        })?;
        if self.issuer.https && !endpoint.https {
            return Err(format!(
                "the metadata of issuer announces an http endpoint, and issuer is https; {WHOSE_FAULT}"
            ));
        }
        if is_this_machine(&endpoint) && !is_this_machine(self.issuer) {
            return Err(format!(
                "the metadata of issuer announces an endpoint on this machine itself, and issuer is another machine; \
                 {WHOSE_FAULT}"
            ));
        }
        let must_be_loopback = !endpoint.https && self.issuer.must_be_loopback;
        if must_be_loopback && !endpoint.is_loopback() {
            return Err(
                "the metadata of issuer announces an http endpoint on another machine, so the secret can be read on the \
                 network; set allow_insecure_http=true if that is meant"
                    .into(),
            );
        }
        Ok(Endpoint { must_be_loopback, named_by: NamedBy::Metadata, ..endpoint })
    }
}

/// Returns the two URLs where the metadata can be, in the order in which to ask them: OpenID Connect appends to the
/// issuer (Discovery 1.0 §4.1), and RFC 8414 §3.1 inserts before its path.
fn places(issuer: &Endpoint) -> [Endpoint; 2] {
    let base = issuer.url.strip_suffix('/').unwrap_or(&issuer.url);
    let authority = base.find("://").map_or(0, |scheme| scheme + "://".len());
    let path = base[authority..].find('/').map_or(base.len(), |path| authority + path);
    let (origin, path) = base.split_at(path);
    let at = |url: String| Endpoint { url, named_by: NamedBy::Issuer, ..issuer.clone() };
    [
        at(format!("{base}/.well-known/openid-configuration")),
        at(format!("{origin}/.well-known/oauth-authorization-server{path}")),
    ]
}

/// Returns how two issuers differ, if they nearly are the same.
fn difference(one: &str, other: &str) -> Option<&'static str> {
    let bare = |issuer: &str| issuer.trim_end_matches('/').to_ascii_lowercase();
    if bare(one) != bare(other) {
        return None;
    }
    let (same_case, same_end) =
        (one.trim_end_matches('/') == other.trim_end_matches('/'), one.eq_ignore_ascii_case(other));
    Some(match (same_case, same_end) {
        (true, _) => "only a slash at the end differs",
        (false, true) => "only upper and lower case differ",
        (false, false) => "only upper and lower case, and a slash at the end, differ",
    })
}

/// Returns true if the host is this machine, in any spelling. A connection to the unspecified address reaches it too.
fn is_this_machine(endpoint: &Endpoint) -> bool {
    let is_this = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.octets()[0] == 0,
        IpAddr::V6(address) => [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED].contains(&address),
    };
    endpoint.is_loopback() || endpoint.host.parse().is_ok_and(is_this)
}

/// Returns the methods of a document that a hint may repeat, in the order of the document.
fn auth_methods(document: &Object<'_>) -> Vec<&'static str> {
    let listed = document.get("token_endpoint_auth_methods_supported");
    let listed: Vec<String> = listed.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
    let mut methods = Vec::new();
    for method in listed {
        let known = METHODS.into_iter().find(|known| *known == method);
        methods.extend(known.filter(|known| !methods.contains(known)));
    }
    methods
}

/// Returns why a JSON object is no document.
fn reason(error: &ObjectError) -> String {
    let wrong = match error {
        ObjectError::Contradiction { member } => {
            let known = ["issuer", "token_endpoint", "mtls_endpoint_aliases"];
            let name = known.into_iter().find(|known| known == member).unwrap_or("a member");
            format!("contains {name} twice with different values")
        }
        ObjectError::TooDeep => "is nested too deeply".into(),
        ObjectError::TooManyMembers => "has more than 1000 members".into(),
        ObjectError::NotJson { .. } | ObjectError::NotAnObject => "is no JSON object".into(),
    };
    format!("the metadata of issuer {wrong}; {WHOSE_FAULT}")
}

#[cfg(test)]
mod tests;
