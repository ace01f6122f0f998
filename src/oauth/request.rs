//! Pure: the settings make the HTTP request that asks for a token (RFC 6749 §4.4.2).
//!
//! What the grant and the client send is left to `credentials.rs` and `client_auth.rs`, which add to the draft. It sends
//! nothing and reads no file.

use crate::{
    config::{BodyFormat, Endpoint, Proxy, Settings},
    redact::base64_spellings,
    secret::Secret,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

/// One HTTP request, complete but for Host and Content-Length.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) endpoint: Endpoint,
    /// Names in lower case, each once.
    pub(crate) headers: Vec<(String, Value)>,
    /// The body of a POST. None for a GET.
    pub(crate) body: Option<Secret>,
}

/// The value of a header or of a parameter.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Open(String),
    Secret(Secret),
}

impl Value {
    /// Returns the value as it is sent, whether it is a secret or not.
    pub(crate) fn expose(&self) -> &str {
        match self {
            Self::Open(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

/// A request in the making, to which the grant and the client add their headers and parameters.
pub(crate) struct Draft<'a> {
    pub(crate) settings: &'a Settings,
    /// Names in lower case, each once.
    pub(crate) headers: Vec<(String, Value)>,
    /// The parameters of the body in their order. Only `resource` occurs more than once.
    parameters: Vec<(&'a str, Value)>,
    /// The assertion that was signed for this request.
    signed: Option<Secret>,
}

impl<'a> Draft<'a> {
    /// Begins the request with the parameters that every grant has.
    pub(crate) fn new(settings: &'a Settings) -> Self {
        let texts =
            [("grant_type", &settings.grant_type), ("scope", &settings.scope), ("audience", &settings.audience)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, Value::Open(text.clone()?))));
        let mut parameters: Vec<_> = texts.collect();
        parameters.extend(settings.resource.iter().map(|resource| ("resource", Value::Open(resource.clone()))));
        Self { settings, headers: Vec::new(), parameters, signed: None }
    }

    pub(crate) fn add(&mut self, name: &'a str, text: &str) {
        self.parameters.push((name, Value::Open(text.to_owned())));
    }

    pub(crate) fn add_secret(&mut self, name: &'a str, text: Option<&Secret>) {
        self.parameters.extend(text.map(|text| (name, Value::Secret(text.clone()))));
    }

    /// Adds a parameter, unless the caller sets it by `param.NAME`.
    pub(crate) fn add_default(&mut self, name: &'a str, text: Option<&str>) {
        let is_set = self.settings.params.iter().any(|(set, _)| set == name);
        if let Some(text) = text.filter(|_| !is_set) {
            self.add(name, text);
        }
    }

    /// Adds an assertion that was signed for this request.
    pub(crate) fn add_signed(&mut self, name: &'a str, assertion: Secret) {
        self.add_secret(name, Some(&assertion));
        self.signed = Some(assertion);
    }

    /// Adds the caller's own parameters and headers, and encodes the body. Returns the request to this token endpoint, with
    /// the assertion that was signed for it.
    pub(crate) fn finish(self, endpoint: &Endpoint) -> (HttpRequest, Option<Secret>) {
        let Self { settings, mut headers, mut parameters, signed } = self;
        let secret = |value: &Secret| Value::Secret(value.clone());
        parameters.extend(settings.params.iter().map(|(name, value)| (name.as_str(), secret(value))));
        let (content_type, body) = match settings.body_format {
            BodyFormat::Form => ("application/x-www-form-urlencoded", form(&parameters)),
            BodyFormat::Json => ("application/json", json(&parameters)),
        };
        let mut add = |name: &str, value: &str| headers.push((name.to_owned(), Value::Open(value.to_owned())));
        add("content-type", content_type);
        add("user-agent", &settings.user_agent);
        if !settings.headers.iter().any(|(name, _)| name == "accept") {
            add("accept", "application/json");
        }
        headers.extend(settings.headers.iter().map(|(name, value)| (name.clone(), secret(value))));
        (HttpRequest { endpoint: endpoint.clone(), headers, body: Some(body) }, signed)
    }
}

/// The shortest claim that is redacted, in characters. A shorter one, such as a scope of one letter, is in every message.
const SHORTEST_CLAIM: usize = 4;

/// Returns the texts of the settings that an error must not show. These are what the caller added, and the proxies' passwords
/// and credentials, which a proxy may echo.
pub(crate) fn texts_to_redact(settings: &Settings) -> Vec<Secret> {
    let added = settings.headers.iter().chain(&settings.params).map(|(_, value)| value.clone());
    let claims = settings.signing.iter().flat_map(|signing| &signing.claims);
    let claims =
        claims.map(|(_, value)| value.clone()).filter(|value| value.expose().chars().count() >= SHORTEST_CLAIM);
    let of_proxy = |proxy: &Proxy| {
        // Some proxies want a key in place of a user, and no password.
        let key =
            |(user, password): &(Secret, Secret)| if password.expose().is_empty() { user } else { password }.clone();
        let authorization = proxy.authorization();
        let credentials = authorization.iter().filter_map(|value| value.expose().strip_prefix("Basic "));
        proxy
            .credentials
            .as_ref()
            .map(key)
            .into_iter()
            .chain(credentials.flat_map(base64_spellings))
            .collect::<Vec<_>>()
    };
    added.chain(claims).chain(settings.proxies.proxies().flat_map(of_proxy)).collect()
}

/// The characters to percent-encode: all but RFC 3986's unreserved ones. A space becomes `%20` and never `+`, which
/// Authlib's server rejects.
pub(crate) const ALL_BUT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns a capacity that holds the encoded parameters. Encoding turns a byte into at most `growth` bytes, and adds at most
/// `overhead` bytes to each parameter. A buffer that grows leaves copies of secrets behind.
fn capacity(parameters: &[(&str, Value)], growth: usize, overhead: usize) -> usize {
    let lengths = parameters.iter().map(|(name, value)| name.len() + value.expose().len());
    lengths.map(|length| length * growth + overhead).sum::<usize>() + overhead
}

fn form(parameters: &[(&str, Value)]) -> Secret {
    // A byte becomes three, as in %2B.
    let mut body = Zeroizing::new(String::with_capacity(capacity(parameters, 3, "=&".len())));
    for (name, value) in parameters {
        if !body.is_empty() {
            body.push('&');
        }
        body.extend(utf8_percent_encode(name, ALL_BUT_UNRESERVED));
        body.push('=');
        body.extend(utf8_percent_encode(value.expose(), ALL_BUT_UNRESERVED));
    }
    Secret::new(body.as_str())
}

/// A parameter that occurs more than once becomes an array.
fn json(parameters: &[(&str, Value)]) -> Secret {
    struct Object<'a>(&'a [(&'a str, Value)]);
    impl Serialize for Object<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut object = serializer.serialize_map(None)?;
            for parameter in self.0.chunk_by(|(name, _), (next, _)| name == next) {
                match parameter {
                    [(name, value)] => object.serialize_entry(name, value.expose())?,
                    several => {
                        let values: Vec<&str> = several.iter().map(|(_, value)| value.expose()).collect();
                        object.serialize_entry(several[0].0, &values)?;
                    }
                }
            }
            object.end()
        }
    }
    // A byte becomes six, as in \u0001.
    let mut body = Zeroizing::new(Vec::with_capacity(capacity(parameters, 6, r#""":[""],"#.len())));
    serde_json::to_writer(&mut *body, &Object(parameters)).expect("a Vec takes every write, and text is always JSON");
    Secret::new(std::str::from_utf8(&body).expect("JSON is UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::tests::{body, header, request};

    const EVERYTHING: [(&str, &str); 6] = [
        ("grant_type", "account_credentials"),
        ("scope", "read write"),
        ("audience", "https://api/"),
        ("resource", "https://a/?q=1 urn:b"),
        ("param.z", ""),
        ("param.account_id", "x y"),
    ];

    #[test]
    fn a_form_has_all_parameters_and_no_plus() {
        assert_eq!(
            body(&EVERYTHING),
            "grant_type=account_credentials&scope=read%20write&audience=https%3A%2F%2Fapi%2F\
             &resource=https%3A%2F%2Fa%2F%3Fq%3D1&resource=urn%3Ab&account_id=x%20y&z="
        );
    }

    #[test]
    fn json_has_all_parameters_and_an_array_only_for_several_resources() {
        let json = ("body_format", "json");
        assert_eq!(
            body(&[&EVERYTHING[..], &[json]].concat()),
            r#"{"grant_type":"account_credentials","scope":"read write","audience":"https://api/","#.to_owned()
                + r#""resource":["https://a/?q=1","urn:b"],"account_id":"x y","z":""}"#
        );
        assert_eq!(body(&[json, ("resource", "urn:b")]), r#"{"grant_type":"client_credentials","resource":"urn:b"}"#);
    }

    #[test]
    fn a_grant_type_of_none_is_not_sent() {
        let none = ("grant_type", "none");
        assert_eq!(body(&[none]), "");
        assert_eq!(body(&[none, ("body_format", "json")]), "{}");
        assert_eq!(body(&[none, ("scope", "a"), ("param.x", "1")]), "scope=a&x=1");
        assert_eq!(body(&[none, ("auth_method", "client_secret_post")]), "client_id=id&client_secret=secret");
    }

    #[test]
    fn the_id_and_the_secret_can_go_into_the_body_next_to_basic() {
        let params = [("param.client_id", "id"), ("param.client_secret", "s 1")];
        let sent = request(&params);
        assert_eq!(header(&sent, "authorization"), Some("Basic aWQ6c2VjcmV0"));
        assert_eq!(sent.body.unwrap().expose(), "grant_type=client_credentials&client_id=id&client_secret=s%201");
        let json = body(&[("body_format", "json"), params[0]]);
        assert_eq!(json, r#"{"grant_type":"client_credentials","client_id":"id"}"#);
    }

    #[test]
    fn a_header_of_the_caller_replaces_ours() {
        let sent = request(&[("header.ACCEPT", "*/*"), ("header.X-Key", "é"), ("user_agent", "mine/1")]);
        assert_eq!(header(&sent, "accept"), Some("*/*"));
        assert_eq!(header(&sent, "x-key"), Some("é"));
        assert_eq!(header(&sent, "user-agent"), Some("mine/1"));
    }

    #[test]
    fn the_capacity_suffices_for_the_worst_text() {
        for worst in ["\u{1}", "é"] {
            let names = ["resource", "resource", "resource", "x", worst];
            let values = [worst, worst, worst, worst, ""];
            let parameters: Vec<_> = names.into_iter().zip(values.map(|value| Value::Open(value.to_owned()))).collect();
            assert!(json(&parameters).expose().len() <= capacity(&parameters, 6, 8));
            assert!(form(&parameters).expose().len() <= capacity(&parameters, 3, 2));
        }
    }
}
