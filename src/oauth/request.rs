//! Pure: settings and a secret make the one HTTP request that asks for a token (RFC 6749 §4.4.2 and §2.3.1).

use crate::{
    config::{AuthMethod, BasicEncoding, BodyFormat, Proxy, Settings},
    secret::Secret,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

/// A POST to the token endpoint, complete but for Host and Content-Length.
#[derive(Debug)]
pub(crate) struct TokenRequest {
    pub(crate) url: String,
    /// Names in lower case, each once.
    pub(crate) headers: Vec<(String, HeaderValue)>,
    pub(crate) body: Secret,
}

#[derive(Clone, Debug)]
pub(crate) enum HeaderValue {
    Open(String),
    Secret(Secret),
}

impl HeaderValue {
    /// Returns the value as it is sent, whether it is a secret or not.
    pub(crate) fn expose(&self) -> &str {
        match self {
            Self::Open(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

/// The request that these settings and this secret make.
pub(crate) fn token_request(settings: &Settings, secret: &Secret) -> TokenRequest {
    let parameters = parameters(settings, secret);
    let (content_type, body) = match settings.body_format {
        BodyFormat::Form => ("application/x-www-form-urlencoded", form(&parameters)),
        BodyFormat::Json => ("application/json", json(&parameters)),
    };
    let mut headers = Vec::new();
    let mut add = |name: &str, value: HeaderValue| headers.push((name.to_owned(), value));
    if settings.auth_method == AuthMethod::ClientSecretBasic {
        add("authorization", HeaderValue::Secret(basic(settings, secret)));
    }
    add("content-type", HeaderValue::Open(content_type.into()));
    add("user-agent", HeaderValue::Open(settings.user_agent.clone()));
    if !settings.headers.iter().any(|(name, _)| name == "accept") {
        add("accept", HeaderValue::Open("application/json".into()));
    }
    headers.extend(settings.headers.iter().map(|(name, value)| (name.clone(), HeaderValue::Secret(value.clone()))));
    TokenRequest { url: settings.endpoint.url.clone(), headers, body }
}

/// The texts of a request that no error may show, though a server echo them: the secret, also in Base64, the credential
/// made of it, what the caller added, and the proxy's password and credential, which a proxy may echo as well.
pub(crate) fn hidden(settings: &Settings, secret: &Secret, request: &TokenRequest) -> Vec<Secret> {
    let authorization = request.headers.iter().find(|(name, _)| name == "authorization");
    let proxy = settings.proxy.as_ref();
    let proxy_authorization = proxy.and_then(Proxy::authorization);
    let credentials =
        [authorization.map(|(_, value)| value.expose()), proxy_authorization.as_ref().map(Secret::expose)];
    let credentials = credentials.into_iter().flatten().filter_map(|value| value.strip_prefix("Basic "));
    // Some proxies want a key in place of a user, and no password.
    let key = |(user, password): &(Secret, Secret)| if password.expose().is_empty() { user } else { password }.clone();
    let key = proxy.and_then(|proxy| proxy.credentials.as_ref()).map(key);
    let alone = Secret::new(BASE64_STANDARD.encode(secret.expose()));
    // What is told in the alphabet for URLs has no padding.
    let for_urls = |text: &Secret| {
        let half = Zeroizing::new(text.expose().trim_end_matches('=').replace('+', "-"));
        Secret::new(half.replace('/', "_"))
    };
    let encoded = credentials.map(Secret::new).chain([alone]).flat_map(|text| [for_urls(&text), text]);
    let added = settings.headers.iter().chain(&settings.params).map(|(_, value)| value.clone());
    added.chain([secret.clone()]).chain(key).chain(encoded).filter(|text| !text.expose().is_empty()).collect()
}

/// The parameters of the body in their order, each with one value or, for `resource` alone, several.
fn parameters<'a>(settings: &'a Settings, secret: &'a Secret) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut parameters = vec![("grant_type", vec![settings.grant_type.as_str()])];
    parameters.extend(settings.scope.as_deref().map(|scope| ("scope", vec![scope])));
    parameters.extend(settings.audience.as_deref().map(|audience| ("audience", vec![audience])));
    if !settings.resource.is_empty() {
        parameters.push(("resource", settings.resource.iter().map(String::as_str).collect()));
    }
    if settings.auth_method == AuthMethod::ClientSecretPost {
        parameters.push(("client_id", vec![&settings.client_id]));
        // RFC 6749 §2.3.1: an empty secret may be left out, and a server that knows a public client wants it so.
        if !secret.expose().is_empty() {
            parameters.push(("client_secret", vec![secret.expose()]));
        }
    }
    parameters.extend(settings.params.iter().map(|(name, value)| (name.as_str(), vec![value.expose()])));
    parameters
}

/// Room for the parameters however much their encoding swells them: a buffer that grows leaves copies of secrets behind.
fn room(parameters: &[(&str, Vec<&str>)], swell: usize, around: usize) -> usize {
    let pairs = parameters.iter().flat_map(|(name, values)| values.iter().map(|value| name.len() + value.len()));
    pairs.map(|length| length * swell + around).sum::<usize>() + around
}

/// All but RFC 3986's unreserved characters. A space becomes `%20` and never `+`, which Authlib's server refuses.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn form(parameters: &[(&str, Vec<&str>)]) -> Secret {
    // Three bytes for one.
    let mut body = Zeroizing::new(String::with_capacity(room(parameters, 3, "=&".len())));
    for (name, values) in parameters {
        for value in values {
            if !body.is_empty() {
                body.push('&');
            }
            body.extend(utf8_percent_encode(name, RESERVED));
            body.push('=');
            body.extend(utf8_percent_encode(value, RESERVED));
        }
    }
    Secret::new(body.as_str())
}

fn json(parameters: &[(&str, Vec<&str>)]) -> Secret {
    struct Object<'a>(&'a [(&'a str, Vec<&'a str>)]);
    impl Serialize for Object<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut object = serializer.serialize_map(Some(self.0.len()))?;
            for (name, values) in self.0 {
                match values.as_slice() {
                    [value] => object.serialize_entry(name, value)?,
                    values => object.serialize_entry(name, values)?,
                }
            }
            object.end()
        }
    }
    // Six bytes for one, as in \u0001.
    let mut body = Zeroizing::new(Vec::with_capacity(room(parameters, 6, r#""":[""],"#.len())));
    serde_json::to_writer(&mut *body, &Object(parameters)).expect("a Vec takes every write, and text is always JSON");
    Secret::new(std::str::from_utf8(&body).expect("JSON is UTF-8"))
}

fn basic(settings: &Settings, secret: &Secret) -> Secret {
    let (id, secret) = (settings.client_id.as_str(), secret.expose());
    let mut pair = Zeroizing::new(String::with_capacity(3 * (id.len() + secret.len()) + 1));
    match settings.basic_encoding {
        BasicEncoding::Rfc6749 => {
            pair.extend(utf8_percent_encode(id, RESERVED));
            pair.push(':');
            pair.extend(utf8_percent_encode(secret, RESERVED));
        }
        BasicEncoding::Raw => pair.extend([id, ":", secret]),
    }
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
    // Capital B: django-oauth-toolkit answers 401 to `basic`.
    let mut value = String::with_capacity("Basic ".len() + encoded.len());
    value.extend(["Basic ", &encoded]);
    Secret::new(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn request(options: &[(&str, &str)]) -> TokenRequest {
        let mut config = Config::new();
        for (name, value) in [("token_url", "https://h/t"), ("client_id", "id"), ("client_secret", "secret")] {
            config.set(name, value).unwrap();
        }
        for (name, value) in options {
            // Whoever names a provider wants its URL.
            if *name == "provider" {
                config.set("token_url", None).unwrap();
            }
            config.set(name, *value).unwrap();
        }
        let settings = config.settings(&|_| None).unwrap();
        let (_, secret) = settings.client_secret.read();
        token_request(&settings, &secret.unwrap())
    }

    fn header<'a>(request: &'a TokenRequest, name: &str) -> Option<&'a str> {
        let mut found = request.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.expose());
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    fn body(options: &[(&str, &str)]) -> String {
        request(options).body.expose().to_owned()
    }

    fn pair(options: &[(&str, &str)]) -> String {
        let request = request(options);
        let value = header(&request, "authorization").unwrap().strip_prefix("Basic ").unwrap();
        String::from_utf8(BASE64_STANDARD.decode(value).unwrap()).unwrap()
    }

    fn whole(request: &TokenRequest) -> String {
        let headers: String =
            request.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.expose())).collect();
        format!("{}\n{headers}\n{}", request.url, request.body.expose())
    }

    #[test]
    fn what_must_not_be_shown_is_the_secret_the_credentials_and_what_was_added() {
        let mut config = Config::new();
        let options = [("provider", "podero"), ("client_id", "id"), ("client_secret", "hush"), ("param.p", "added")];
        for (name, value) in options {
            config.set(name, value).unwrap();
        }
        let ours = ["aHVzaA", "aHVzaA==", "aWQ6aHVzaA", "aWQ6aHVzaA==", "added", "hush", "no-cache"];
        for (proxy, proxys) in [
            (None, &[][..]),
            (Some("http://me:pass@proxy"), &["bWU6cGFzcw", "bWU6cGFzcw==", "pass"]),
            (Some("http://key@proxy"), &["a2V5Og", "a2V5Og==", "key"]),
        ] {
            config.set("proxy", proxy).unwrap();
            let settings = config.settings(&|_| None).unwrap();
            let secret = settings.client_secret.read().1.unwrap();
            let hidden = hidden(&settings, &secret, &token_request(&settings, &secret));
            let mut hidden: Vec<_> = hidden.iter().map(Secret::expose).collect();
            hidden.sort();
            let mut expected = [&ours[..], proxys].concat();
            expected.sort();
            assert_eq!(hidden, expected);
        }
    }

    #[test]
    fn podero_gets_exactly_this() {
        let version = env!("CARGO_PKG_VERSION");
        for (provider, host) in [("podero", "app.podero.com"), ("podero-sandbox", "sandbox-app.podero.com")] {
            let request = request(&[("provider", provider), ("client_id", "my-id"), ("client_secret", "s3cret")]);
            let expected = format!(
                "https://{host}/oauth2/token/\n\
                 authorization: Basic bXktaWQ6czNjcmV0\n\
                 content-type: application/json\n\
                 user-agent: tokensource/{version}\n\
                 accept: application/json\n\
                 cache-control: no-cache\n\
                 \n\
                 {{\"grant_type\":\"client_credentials\"}}"
            );
            assert_eq!(whole(&request), expected);
        }
    }

    #[test]
    fn gardin_gets_exactly_this() {
        let request = request(&[("provider", "gardin"), ("client_id", "my-id"), ("client_secret", "p+/=ss")]);
        let expected = format!(
            "https://login.gardin.ag/oauth2/token\n\
             authorization: Basic bXktaWQ6cCsvPXNz\n\
             content-type: application/x-www-form-urlencoded\n\
             user-agent: tokensource/{}\n\
             accept: application/json\n\
             \n\
             grant_type=client_credentials",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(whole(&request), expected);
    }

    #[test]
    fn basic_is_percent_encoded_utf8_or_raw() {
        let odd = [("client_id", "a:b é"), ("client_secret", "p ü+/=%&-._~")];
        assert_eq!(pair(&odd), "a%3Ab%20%C3%A9:p%20%C3%BC%2B%2F%3D%25%26-._~");
        let odd = [("client_id", "a b é"), ("client_secret", "p ü+/=%:&-._~"), ("basic_encoding", "raw")];
        assert_eq!(pair(&odd), "a b é:p ü+/=%:&-._~");
        assert_eq!(pair(&[("client_secret", "")]), "id:");
    }

    #[test]
    fn with_basic_neither_id_nor_secret_is_in_the_body() {
        assert_eq!(body(&[]), "grant_type=client_credentials");
    }

    #[test]
    fn with_post_both_are_in_the_body_and_an_empty_secret_is_nowhere() {
        let post = ("auth_method", "client_secret_post");
        let sent = request(&[post, ("client_secret", "p ü+&=")]);
        assert_eq!(header(&sent, "authorization"), None);
        assert_eq!(sent.body.expose(), "grant_type=client_credentials&client_id=id&client_secret=p%20%C3%BC%2B%26%3D");
        assert_eq!(body(&[post, ("client_secret", "")]), "grant_type=client_credentials&client_id=id");
        assert_eq!(
            body(&[post, ("body_format", "json"), ("client_secret", "a\"\\\u{1}ü")]),
            r#"{"grant_type":"client_credentials","client_id":"id","client_secret":"a\"\\"#.to_owned() + "\\u0001ü\"}"
        );
    }

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
    fn a_header_of_the_users_replaces_ours() {
        let sent = request(&[("header.ACCEPT", "*/*"), ("header.X-Key", "é"), ("user_agent", "mine/1")]);
        assert_eq!(header(&sent, "accept"), Some("*/*"));
        assert_eq!(header(&sent, "x-key"), Some("é"));
        assert_eq!(header(&sent, "user-agent"), Some("mine/1"));
    }

    #[test]
    fn the_room_suffices_for_the_worst_text() {
        for worst in ["\u{1}", "é"] {
            let values = [("resource", vec![worst; 3]), ("x", vec![worst]), (worst, vec![""])];
            assert!(json(&values).expose().len() <= room(&values, 6, 8));
            assert!(form(&values).expose().len() <= room(&values, 3, 2));
        }
    }

    #[test]
    fn a_request_prints_without_its_secrets() {
        let sent =
            request(&[("client_secret", "hunter2"), ("auth_method", "client_secret_post"), ("header.x", "hunter3")]);
        assert!(!format!("{sent:?}").contains("hunter"));
    }
}
