//! The behaviour of particular servers, from their documentation: which requests they reject, and what they grant.
//!
//! Pure: it takes a request as data, and returns an error as a [`Response`].

use crate::{
    http::Request,
    response::{Member, Response, quoted},
};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The server that the test server imitates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Checks nothing: every request outside `/-/` gets the response of the script.
    #[default]
    Plain,
    /// JSON to `/oauth2/token/`, percent-decoded HTTP Basic, opaque tokens: like django-oauth-toolkit with its JSON backend.
    Podero,
    /// A form to `/oauth2/token`, HTTP Basic without decoding, JWT: like Amazon Cognito.
    Gardin,
}

impl Dialect {
    /// Returns the path of the token endpoint.
    pub fn path(self) -> &'static str {
        match self {
            Self::Plain | Self::Podero => "/oauth2/token/",
            Self::Gardin => "/oauth2/token",
        }
    }

    /// Returns the error for a request; None if the server accepts it.
    pub(crate) fn rejection(self, request: &Request, client: (&str, &str)) -> Option<Response> {
        match self {
            Self::Plain => None,
            Self::Podero => podero(request, client),
            Self::Gardin => gardin(request, client),
        }
    }

    /// Fills in the members that the script omits.
    pub(crate) fn complete(self, response: &mut Response, request: &Request, n: usize, now: SystemTime) {
        match self {
            Self::Plain => {}
            Self::Podero => {
                response.token.set_default(|| quoted(&opaque(n, 30)));
                response.expires_in.set_default(|| "36000".into());
                let requested = request.parameters().remove("scope");
                response.scope.set_default(|| quoted(requested.as_deref().unwrap_or("read write")));
            }
            Self::Gardin => {
                let lifetime = match &response.expires_in {
                    Member::Json(json) => json.parse().unwrap_or(3600),
                    _ => 3600,
                };
                let client_id = credentials(request).unwrap_or_default().0;
                response.token.set_default(|| quoted(&jwt(n, &client_id, lifetime, now)));
            }
        }
    }
}

/// Checks in the order of django-oauth-toolkit: the grant type, the client, the scope.
fn podero(request: &Request, client: (&str, &str)) -> Option<Response> {
    match path(request) {
        "/oauth2/token/" => {}
        "/oauth2/token" => return Some(with_header(Response::status(301), "Location", "/oauth2/token/")),
        _ => return Some(Response::status(404)),
    }
    if request.method != "POST" {
        return Some(with_header(Response::status(405), "Allow", "POST, OPTIONS"));
    }
    let parameters = request.parameters();
    let parameter = |name: &str| parameters.get(name).map(String::as_str);
    if request.media_type() != "application/json" || parameter("grant_type") != Some("client_credentials") {
        return Some(Response::oauth_error("unsupported_grant_type"));
    }
    // django-oauth-toolkit decodes with Python's unquote_plus.
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    if credentials(request).is_none_or(|(id, secret)| (&*decoded(&id), &*decoded(&secret)) != client) {
        let challenge = r#"Bearer error="invalid_client""#;
        return Some(with_header(Response::oauth_error("invalid_client"), "WWW-Authenticate", challenge));
    }
    if parameter("scope").is_some_and(|scope| !scope.split(' ').all(|scope| matches!(scope, "read" | "write"))) {
        return Some(Response::oauth_error("invalid_scope"));
    }
    None
}

fn gardin(request: &Request, client: (&str, &str)) -> Option<Response> {
    if path(request) != "/oauth2/token" {
        return Some(Response::status(404));
    }
    if request.method != "POST" {
        return Some(Response::status(405));
    }
    let bare = |error| Response { status: Some(400), ..Response::oauth_error(error) };
    if request.media_type() != "application/x-www-form-urlencoded" {
        return Some(bare("invalid_request"));
    }
    match request.parameters().get("grant_type").map(String::as_str) {
        None => return Some(bare("invalid_request")),
        Some("client_credentials") => {}
        Some(_) => return Some(bare("unsupported_grant_type")),
    }
    if credentials(request).is_none_or(|(id, secret)| (&*id, &*secret) != client) {
        return Some(bare("invalid_client"));
    }
    None
}

fn with_header(mut response: Response, name: &str, value: &str) -> Response {
    response.headers.insert(name.into(), Some(value.into()));
    response
}

fn path(request: &Request) -> &str {
    request.path.split('?').next().unwrap_or_default()
}

/// Returns client id and secret from HTTP Basic, still encoded. Like django-oauth-toolkit, it accepts only `Basic`, with this
/// capital.
fn credentials(request: &Request) -> Option<(String, String)> {
    let decoded = BASE64_STANDARD.decode(request.header("authorization").strip_prefix("Basic ")?).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.into(), secret.into()))
}

/// Returns letters and digits that look random. They are the same for the same `n`.
fn opaque(n: usize, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = n as u64;
    let mut next = || {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        char::from(ALPHABET[((mixed ^ (mixed >> 31)) % 62) as usize])
    };
    (0..length).map(|_| next()).collect()
}

/// Returns a JWT whose signature is random text.
fn jwt(n: usize, client_id: &str, lifetime: u64, now: SystemTime) -> String {
    let iat = now.duration_since(UNIX_EPOCH).map_or(0, |unix| unix.as_secs());
    let header = json!({"alg": "RS256", "kid": opaque(0, 12), "typ": "JWT"});
    let claims = json!({
        "client_id": client_id,
        "exp": iat.saturating_add(lifetime),
        "iat": iat,
        "jti": opaque(n, 22),
        "sub": client_id,
        "token_use": "access",
    });
    let encoded = |part: Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    // 342 characters are the 256 bytes of an RS256 signature.
    format!("{}.{}.{}", encoded(header), encoded(claims), opaque(n, 342))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const CLIENT: (&str, &str) = ("my-client", "s3 cret%:+/ü");
    const JSON: &str = r#"{"grant_type":"client_credentials"}"#;
    const FORM: &str = "grant_type=client_credentials";

    fn request(path: &str, media_type: &str, authorization: &str, body: &str) -> Request {
        let headers = [("content-type", media_type), ("authorization", authorization)];
        Request {
            method: "POST".into(),
            path: path.into(),
            headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
            body: body.into(),
            at: 0.0,
        }
    }

    fn basic(id: &str, secret: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
    }

    const ENCODED: &str = "s3%20cret%25%3A%2B%2F%C3%BC";

    fn podero(path: &str, media_type: &str, authorization: &str, body: &str) -> Option<Response> {
        Dialect::Podero.rejection(&request(path, media_type, authorization, body), CLIENT)
    }

    fn gardin(path: &str, media_type: &str, authorization: &str, body: &str) -> Option<Response> {
        Dialect::Gardin.rejection(&request(path, media_type, authorization, body), CLIENT)
    }

    fn status_and_body(response: Option<Response>) -> (u16, String) {
        let rendered = response.expect("must be refused").render(1, UNIX_EPOCH);
        (rendered.status, String::from_utf8(rendered.body).unwrap())
    }

    #[test]
    fn podero_takes_what_its_documentation_shows() {
        let basic = basic("my-client", ENCODED);
        assert_eq!(podero("/oauth2/token/", "application/json", &basic, JSON), None);
        assert_eq!(podero("/oauth2/token/", "application/json; charset=utf-8", &basic, JSON), None);
        assert_eq!(
            podero(
                "/oauth2/token/",
                "application/json",
                &basic,
                r#"{"grant_type":"client_credentials","scope":"read"}"#
            ),
            None
        );
    }

    #[test]
    fn podero_rejects_like_django_oauth_toolkit() {
        let basic = basic("my-client", ENCODED);
        let unsupported = (400, r#"{"error":"unsupported_grant_type"}"#.to_string());
        assert_eq!(
            status_and_body(podero("/oauth2/token/", "application/x-www-form-urlencoded", &basic, FORM)),
            unsupported
        );
        assert_eq!(status_and_body(podero("/oauth2/token/", "application/json", &basic, FORM)), unsupported);
        assert_eq!(
            status_and_body(podero("/oauth2/token/", "application/json", &basic, r#"{"grant_type":"password"}"#)),
            unsupported
        );
        let empty_scope = r#"{"grant_type":"client_credentials","scope":""}"#;
        assert_eq!(
            status_and_body(podero("/oauth2/token/", "application/json", &basic, empty_scope)).1,
            r#"{"error":"invalid_scope"}"#
        );
        assert_eq!(status_and_body(podero("/oauth2", "application/json", &basic, JSON)).0, 404);

        let moved = podero("/oauth2/token", "application/json", &basic, JSON).unwrap();
        assert_eq!((moved.status, &moved.headers["Location"]), (Some(301), &Some("/oauth2/token/".into())));
        let mut get = request("/oauth2/token/", "", "", "");
        get.method = "GET".into();
        assert_eq!(Dialect::Podero.rejection(&get, CLIENT).unwrap().status, Some(405));
    }

    #[test]
    fn podero_percent_decodes_basic_and_requires_its_capital() {
        let assert_rejected = |authorization: &str| {
            let response = podero("/oauth2/token/", "application/json", authorization, JSON).unwrap();
            assert_eq!(response.headers["WWW-Authenticate"].as_deref(), Some(r#"Bearer error="invalid_client""#));
            assert_eq!(status_and_body(Some(response)), (401, r#"{"error":"invalid_client"}"#.into()));
        };
        assert_rejected("");
        assert_rejected("Basic !");
        assert_rejected(&basic("my-client", "wrong"));
        assert_rejected(&basic("other", ENCODED));
        assert_rejected(&basic("my-client", CLIENT.1));
        assert_rejected(&basic("my-client", ENCODED).replace("Basic", "basic"));
    }

    #[test]
    fn gardin_accepts_a_form_and_undecoded_basic() {
        let raw = basic("my-client", CLIENT.1);
        assert_eq!(gardin("/oauth2/token", "application/x-www-form-urlencoded", &raw, FORM), None);
        let invalid_client = (400, r#"{"error":"invalid_client"}"#.to_string());
        let encoded = basic("my-client", ENCODED);
        assert_eq!(
            status_and_body(gardin("/oauth2/token", "application/x-www-form-urlencoded", &encoded, FORM)),
            invalid_client
        );
        assert_eq!(
            status_and_body(gardin("/oauth2/token", "application/x-www-form-urlencoded", "", FORM)),
            invalid_client
        );
    }

    #[test]
    fn gardin_rejects_json_other_grants_and_other_paths() {
        let raw = basic("my-client", CLIENT.1);
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            status_and_body(gardin("/oauth2/token", "application/json", &raw, JSON)).1,
            r#"{"error":"invalid_request"}"#
        );
        assert_eq!(status_and_body(gardin("/oauth2/token", form, &raw, "")).1, r#"{"error":"invalid_request"}"#);
        assert_eq!(
            status_and_body(gardin("/oauth2/token", form, &raw, "grant_type=password")).1,
            r#"{"error":"unsupported_grant_type"}"#
        );
        assert_eq!(status_and_body(gardin("/oauth2/token/", form, &raw, FORM)).0, 404);
    }

    #[test]
    fn podero_grants_an_opaque_token_of_thirty_characters_for_ten_hours() {
        let request = request("/oauth2/token/", "application/json", &basic("my-client", ENCODED), JSON);
        let mut response = Response::default();
        Dialect::Podero.complete(&mut response, &request, 1, UNIX_EPOCH);
        let body: Value = serde_json::from_slice(&response.render(1, UNIX_EPOCH).body).unwrap();
        let token = body["access_token"].as_str().unwrap();
        assert!(token.len() == 30 && token.chars().all(|c| c.is_ascii_alphanumeric()), "{token}");
        assert_ne!(token, opaque(2, 30));
        assert_eq!(
            body,
            json!({"access_token": token, "expires_in": 36000, "token_type": "Bearer", "scope": "read write"})
        );
    }

    #[test]
    fn gardin_grants_a_jwt() {
        let request = request("/oauth2/token", "", &basic("my-client", "x"), FORM);
        let mut response: Response = serde_json::from_str(r#"{"expires_in": 60}"#).unwrap();
        Dialect::Gardin.complete(&mut response, &request, 1, UNIX_EPOCH + Duration::from_secs(1000));
        let body: Value = serde_json::from_slice(&response.render(1, UNIX_EPOCH).body).unwrap();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["access_token", "expires_in", "token_type"]);
        let parts: Vec<_> = body["access_token"].as_str().unwrap().split('.').collect();
        assert_eq!(parts.len(), 3);
        let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        assert_eq!(
            (&claims["iat"], &claims["exp"], &claims["client_id"]),
            (&json!(1000), &json!(1060), &json!("my-client"))
        );
    }
}
