//! Pure: what to do next about a refusal. The table is ordered, and its first row that applies gives the hint.
//!
//! Advice on how the client authenticates belongs to `client_auth.rs`, and on what an assertion says to `assertion.rs`.

use crate::{
    config::{BasicEncoding, BodyFormat, GrantParameters, TextOrFile},
    oauth::{client_auth, sent::SentRequest, skew::Skew, times},
    redact::truncate,
    secret::Secret,
};
use std::borrow::Cow;

pub(crate) const WHICH_URL: &str = "is token_url the token endpoint?";
pub(crate) const WHOSE_FAULT: &str = "the server violates RFC 6749 §5.1: ask its operator";
const ASK: &str = "ask the server's operator what it requires";

/// A response that refuses the request: what hints depend on.
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    /// Empty if the server named none.
    pub(crate) code: &'a str,
    /// Whether the response asks for a Bearer token and for no other credentials.
    pub(crate) wants_bearer: bool,
    /// The path of the token endpoint, as a message may show it, where the body is JSON.
    pub(crate) json_at: Option<&'a str>,
    /// The option `token_url`, as a message may show it.
    pub(crate) token_url: &'a str,
    /// Whether the description is one of Entra's.
    pub(crate) is_of_entra: bool,
    /// The Date of the response, in Unix time.
    pub(crate) server_seconds: Option<i64>,
    pub(crate) sent: SentRequest<'a>,
}

/// The hosts of Entra ID, also in its national clouds.
const ENTRA: [&str; 3] = ["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"];

/// How much of a path a hint shows, in characters.
const LONGEST_PATH: usize = 300;

/// The codes with which a token endpoint rejects a request (RFC 6749 §5.2, and Auth0's for a wrong secret). RFC 6750 gives
/// an API codes of its own, and frameworks write the reason phrase into a member of this name.
const TOKEN_ENDPOINT_CODES: [&str; 9] = [
    "access_denied",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "slow_down",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// Returns whether these values of WWW-Authenticate offer the scheme Bearer and not Basic (RFC 9110 §11.6.1).
pub(crate) fn offer_only_bearer<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    let (mut bearer, mut basic) = (false, false);
    for value in values {
        let (mut quoted, mut escaped) = (false, false);
        let parts = value.split(|c| {
            let ends = c == ',' && !quoted;
            quoted ^= c == '"' && !escaped;
            escaped = c == '\\' && quoted && !escaped;
            ends
        });
        for part in parts {
            let part = part.trim();
            let end = part.find([' ', '\t', '=']).unwrap_or(part.len());
            let (scheme, rest) = part.split_at(end);
            // A parameter has an equals sign after its name.
            if !rest.trim_start().starts_with('=') {
                bearer |= scheme.eq_ignore_ascii_case("bearer");
                basic |= scheme.eq_ignore_ascii_case("basic");
            }
        }
    }
    bearer && !basic
}

impl Refusal<'_> {
    /// Returns whether another attempt may help, whatever the body is. An impossible status counts as a 500 (RFC 9110 §15).
    pub(crate) fn has_retryable_status(&self) -> bool {
        matches!(self.status, 408 | 425 | 429) || self.status >= 500
    }

    /// Returns whether the code promises that the same request may succeed later.
    pub(crate) fn has_retryable_code(&self) -> bool {
        matches!(self.code, "temporarily_unavailable" | "server_error" | "slow_down")
    }

    /// Returns what to do next.
    pub(crate) fn hint(&self) -> Cow<'static, str> {
        if let (404 | 410, Some(path)) = (self.status, self.json_at) {
            return format!("nothing is there: check the path of token_url ({path}), also whether it ends in a slash")
                .into();
        }
        let of = |table: &[Hint]| table.iter().find(|(applies, _)| applies(self)).map(|(_, hint)| hint(self).into());
        of(NO_REFUSALS)
            .or_else(|| Some(self.clock()?.advice().into()))
            .or_else(|| of(APIS))
            .or_else(|| self.about_files())
            .or_else(|| self.about_grant())
            .or_else(|| self.about_assertion())
            .or_else(|| of(HINTS))
            .unwrap_or(ASK.into())
    }

    /// Returns the difference between the clocks, if the server may have refused an assertion for its times.
    pub(crate) fn clock(&self) -> Option<Skew> {
        let code = Some(self.code).filter(|code| !code.is_empty());
        self.sent.skew.filter(|_| may_be_about_time(self.status, code))
    }

    /// Returns whether the server rejects the client, or does not say what it rejects.
    fn is_about_client(&self) -> bool {
        const OTHERS: [&str; 6] = [
            "insufficient_scope",
            "invalid_grant",
            "invalid_scope",
            "invalid_target",
            "unauthorized_client",
            "unsupported_grant_type",
        ];
        self.has(&["invalid_client"], &[401, 403]) && !OTHERS.contains(&self.code)
    }

    /// Returns what to do next where the text of a file had expired when the server saw it.
    fn about_files(&self) -> Option<Cow<'static, str>> {
        let SentRequest { settings, credentials, .. } = self.sent;
        if !self.is_about_client() && !self.has(&["invalid_grant", "invalid_request"], &[400]) {
            return None;
        }
        let (files, grant) = (&settings.credentials, &credentials.grant);
        [
            ("assertion", credentials.client.assertion_of_file(), &files.client_assertion),
            ("assertion", grant.assertion.as_ref(), &files.assertion),
            ("subject token", grant.subject_token.as_ref(), &files.subject_token),
        ]
        .into_iter()
        .find_map(|(what, text, file)| self.about_expired(what, text?, file.as_ref()?))
    }

    /// Returns what to do next where a JWT had expired when the server saw it. Our own clock may be wrong, and does not count.
    fn about_expired(&self, what: &str, jwt: &Secret, file: &TextOrFile) -> Option<Cow<'static, str>> {
        let path = truncate(&file.path()?.to_string_lossy(), LONGEST_PATH);
        let ago = match times::expired_since(jwt.expose(), self.server_seconds?)? {
            seconds @ ..120 => format!("{seconds} s"),
            seconds @ 120..7200 => format!("{} minutes", seconds / 60),
            seconds @ 7200..172_800 => format!("{} hours", seconds / 3600),
            seconds => format!("{} days", seconds / 86_400),
        };
        Some(format!("the {what} in {path} expired {ago} ago: the program that renews it has stopped").into())
    }

    /// Returns what to do next about what the grant itself sends.
    fn about_grant(&self) -> Option<Cow<'static, str>> {
        let signer = self.sent.credentials.grant.signer.as_ref();
        match (&self.sent.settings.grant, self.code) {
            (GrantParameters::RefreshToken, "invalid_grant") => Some(self.about_refresh_token()),
            (GrantParameters::TokenExchange { .. }, "invalid_grant") => {
                Some("check the subject token and its type, and also audience, resource and scope".into())
            }
            (GrantParameters::JwtBearer, "invalid_grant" | "invalid_request")
                if signer.is_some_and(|signer| !signer.has_claim("sub")) =>
            {
                Some("set claim.sub (RFC 7523)".into())
            }
            (GrantParameters::JwtBearer, "invalid_scope")
                if signer.is_some_and(|signer| !signer.has_claim("scope")) =>
            {
                Some("the server may want claim.scope".into())
            }
            _ => None,
        }
    }

    fn about_refresh_token(&self) -> Cow<'static, str> {
        if !self.sent.has_rotated_refresh_token() {
            return "the refresh token has expired, was revoked, or is another client's: get a new one".into();
        }
        let file = self.sent.settings.credentials.refresh_token.as_deref().and_then(TextOrFile::path);
        let next = match file {
            Some(path) => format!("write the new one to {}", truncate(&path.to_string_lossy(), LONGEST_PATH)),
            None => "set the new one".into(),
        };
        format!(
            "the server gave a new refresh token with an earlier response, which this library does not keep: turn rotation \
             off for this client, or {next}"
        )
        .into()
    }

    /// Returns what to do next about an assertion that this library signed, and about one that has to name its client.
    fn about_assertion(&self) -> Option<Cow<'static, str>> {
        let SentRequest { settings, credentials, .. } = self.sent;
        let endpoint = self.sent.server.endpoint;
        let is_entra = self.is_of_entra || ENTRA.contains(&endpoint.host.as_str());
        if is_entra && credentials.client.lacks_id() && self.has(&["invalid_client", "invalid_request"], &[400, 401]) {
            return Some("it needs client_id: set it".into());
        }
        let signer = credentials.signer()?;
        // Next to a signed grant, another credential may authenticate the client.
        let is_about_assertion = match signer.signs_grant() {
            true => self.code == "invalid_grant" || self.is_about_client() && !credentials.client.has_credential(),
            false => self.is_about_client(),
        };
        let hint = is_about_assertion.then(|| signer.hint(&settings.server, self.token_url))?;
        hint.or_else(|| match signer.signs_grant() {
            true => Some("check claim.iss, the key that is registered, signing_algorithm".into()),
            false => Some(client_auth::hint(&credentials.client).into()),
        })
    }

    pub(crate) fn has(&self, codes: &[&str], statuses: &[u16]) -> bool {
        codes.contains(&self.code) || statuses.contains(&self.status)
    }
}

/// Returns whether a server that responds so may have refused an assertion for its times.
pub(crate) fn may_be_about_time(status: u16, code: Option<&str>) -> bool {
    match code {
        Some(code) => matches!(code, "invalid_client" | "invalid_grant"),
        None => matches!(status, 400 | 401),
    }
}

type Hint = (fn(&Refusal<'_>) -> bool, fn(&Refusal<'_>) -> &'static str);

/// The responses that say nothing about the request.
const NO_REFUSALS: &[Hint] = &[
    (
        |it| it.has(&[], &[407, 511]),
        |_| "a proxy or portal on the way responded, not the token server: sign in there, or set proxy with a user and password",
    ),
    (|it| it.has(&["slow_down"], &[429]), |_| "the server limits the rate of requests: the library tries again later"),
    (
        |it| it.has_retryable_status() || it.has_retryable_code(),
        |_| "the server has a problem: the library tries again later; if the problem stays, ask the server's operator",
    ),
];

/// The responses of an API.
const APIS: &[Hint] = &[
    // django-oauth-toolkit challenges for a Bearer token too, but names its code.
    (
        |it| it.status == 401 && it.wants_bearer && !TOKEN_ENDPOINT_CODES.contains(&it.code),
        |_| "this is an API, which wants a token, and not a token endpoint: check token_url",
    ),
];

const HINTS: &[Hint] = &[
    // django-oauth-toolkit's JSON backend names this code where the body is a form.
    (
        |it| it.has(&["unsupported_grant_type"], &[]),
        |it| match it.sent.settings.body_format {
            BodyFormat::Form => "the server may want body_format=json, or does not offer this grant_type",
            BodyFormat::Json => "the server may want body_format=form, or does not offer this grant_type",
        },
    ),
    (
        |it| it.has(&["unauthorized_client"], &[]),
        |_| "the server does not let this client use this grant_type: ask the server's operator",
    ),
    (
        |it| it.has(&["invalid_scope", "insufficient_scope"], &[]),
        |_| "check scope: the server does not grant it to this client",
    ),
    (|it| it.has(&["invalid_target"], &[]), |_| "check resource and audience"),
    (|it| it.has(&["invalid_grant"], &[]), |_| "check grant_type and the param.NAME options that go with it"),
    // Auth0 responds with 401 access_denied if the secret is wrong.
    (|it| it.has(&["invalid_client"], &[401]), |it| client_auth::hint(&it.sent.credentials.client)),
    (
        |it| it.has(&["access_denied"], &[403]),
        |_| "the server rejects this client or its address: ask the server's operator what this client is allowed to do, and from where",
    ),
    (
        |it| it.has(&[], &[404, 410]),
        |_| "nothing is there: check the path of token_url, also whether it ends in a slash",
    ),
    (|it| it.has(&[], &[405]), |_| "this URL does not accept POST: check the path of token_url"),
    (
        |it| it.has(&[], &[406, 415]),
        |it| match it.sent.settings.body_format {
            BodyFormat::Form => "the server may want body_format=json",
            BodyFormat::Json => "the server may want body_format=form",
        },
    ),
    (
        |it| it.has(&[], &[413, 414, 431]),
        |_| "the request is too large for the server: shorten token_url, scope, header.NAME or param.NAME",
    ),
    // oidc-provider responds with invalid_request if a percent sign encodes nothing.
    (
        |it| {
            it.has(&["invalid_request"], &[])
                && client_auth::ambiguous_encoding(&it.sent.credentials.client) == Some(BasicEncoding::Raw)
        },
        |_| {
            "servers differ in how they read some characters of client_id and client_secret: try \
             basic_encoding=rfc6749; else check that every parameter the server needs is set (scope, audience, resource, param.NAME)"
        },
    ),
    (
        |it| it.has(&["invalid_request"], &[400, 422]),
        |it| match it.sent.settings.body_format {
            BodyFormat::Form => {
                "check that every parameter the server needs is set (scope, audience, resource, param.NAME); it may want \
                 body_format=json"
            }
            BodyFormat::Json => {
                "check that every parameter the server needs is set (scope, audience, resource, param.NAME); it may want \
                 body_format=form"
            }
        },
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{AuthMethod, Endpoint, Server, Settings, TextOrFile},
        oauth::response::tests::{error_of, read_with},
        secret::Secret,
    };

    #[test]
    fn a_message_reports_what_happened_and_what_to_do_next() {
        let page = "<html><head><title>403 Forbidden</title></head><body>no</body></html>";
        for (status, body, message) in [
            (
                401,
                r#"{"error":"invalid_client","error_description":"Client authentication failed."}"#,
                "the token endpoint responded with 401 invalid_client: Client authentication failed; check client_id, client_secret and \
                 which environment they are for; the server may want auth_method=client_secret_post",
            ),
            (
                400,
                r#"{"error":"unsupported_grant_type"}"#,
                "the token endpoint responded with 400 unsupported_grant_type; the server may want body_format=json, or does not offer \
                 this grant_type",
            ),
            (
                400,
                r#"{"error":"invalid_scope","error_description":"  "}"#,
                "the token endpoint responded with 400 invalid_scope; check scope: the server does not grant it to this client",
            ),
            (
                403,
                page,
                "the token endpoint responded with 403: a web page titled \"403 Forbidden\"; the server rejects this client or its \
                 address: ask the server's operator what this client is allowed to do, and from where",
            ),
            (
                404,
                "",
                "the token endpoint responded with 404; nothing is there: check the path of token_url, also whether it ends in a slash",
            ),
            (
                429,
                "slow down",
                "the token endpoint responded with 429: slow down; the server limits the rate of requests: the library tries again later",
            ),
            (418, "", "the token endpoint responded with 418; ask the server's operator what it requires"),
        ] {
            assert_eq!(error_of(status, &[], body).message(), message);
        }
    }

    #[test]
    fn a_challenge_for_a_bearer_token_alone_names_an_api() {
        const API: &str = "this is an API, which wants a token, and not a token endpoint: check token_url";
        let bearer = &["Bearer realm=\"api\""][..];
        for (status, challenges, body, is_api) in [
            (401, bearer, "", true),
            (401, bearer, "unauthorized", true),
            (401, bearer, r#"{"message":"Unauthorized"}"#, true),
            (401, bearer, r#"{"error":{"code":401}}"#, true),
            // Spring writes the reason phrase.
            (401, bearer, r#"{"status":401,"error":"Unauthorized","path":"/api"}"#, true),
            // RFC 6750 §3.1: the code of an API.
            (401, bearer, r#"{"error":"invalid_token"}"#, true),
            (401, &["bEARER"], "", true),
            (401, &["Bearer error=\"invalid_token\", error_description=\"Basic, \\\", Basic x\""], "", true),
            (401, &["Negotiate YII=", "Bearer"], "", true),
            (401, &["DPoP algs=\"ES256\", Bearer"], "", true),
            (401, &["Bearer basic=\"x\", basic = y"], "", true),
            // django-oauth-toolkit challenges so, and means the secret.
            (401, bearer, r#"{"error":"invalid_client"}"#, false),
            (401, bearer, r#"{"error":"access_denied"}"#, false),
            (401, &["Bearer", "Basic realm=\"x\""], "", false),
            (401, &["Bearer realm=\"x\", BASIC realm=\"y\""], "", false),
            (401, &["Basic realm=\"a, Bearer\""], "", false),
            (401, &["Basic realm=\"\\\", Bearer\""], "", false),
            (401, &["Digest bearer=\"x\""], "", false),
            (401, &["BearerToken"], "", false),
            (401, &[""], "", false),
            (401, &[], "", false),
            (403, bearer, "", false),
            (400, bearer, "", false),
        ] {
            let headers: Vec<_> = challenges.iter().map(|value| ("www-authenticate", *value)).collect();
            let error = error_of(status, &headers, body);
            assert_eq!(error.message().ends_with(API), is_api, "{status} {challenges:?} {body}: {error}");
            assert!(!is_api || !error.message().contains("client_secret"), "{error}");
        }
    }

    #[test]
    fn a_404_with_json_names_the_path() {
        for (status, body, names_it) in [
            (404, "{}", true),
            (410, "{}", true),
            (404, r#"{"error":"not_found"}"#, true),
            (404, r#"{"error":"invalid_request"}"#, true),
            (404, "[]", true),
            (404, r#""no""#, true),
            (404, "", false),
            (404, "not found", false),
            (404, "<html></html>", false),
            (405, "{}", false),
        ] {
            let error = error_of(status, &[], body);
            let named =
                "nothing is there: check the path of token_url (/oauth2/token), also whether it ends in a slash";
            assert_eq!(error.message().ends_with(named), names_it, "{status} {body}: {error}");
        }
        let token_url = |url: &str| Server::TokenUrl(Endpoint::parse(url).unwrap());
        let mut settings = Settings::example();
        for (url, shown) in [
            ("https://h", "(/),"),
            ("https://h/?a=b/c", "(/),"),
            ("https://h?a=b/c", "(/),"),
            ("https://h:1/x%20/y?z", "(/x%20/y),"),
            // A path may hold a secret too.
            ("https://h/s3cr3t%2Bva%2Flue%3D%3D/t", "(/[redacted]/t),"),
        ] {
            settings.server = token_url(url);
            let error = read_with(&settings, 404, &[], b"{}").unwrap_err();
            assert!(error.message().contains(shown), "{url}: {error}");
        }
        settings.server = token_url(&format!("https://h/{}", "x".repeat(9000)));
        assert!(read_with(&settings, 404, &[], b"{}").unwrap_err().message().len() < 500);
    }

    #[test]
    fn a_hint_fits_what_was_sent() {
        let raw = |settings: &mut Settings| settings.basic_encoding = BasicEncoding::Raw;
        let json = |settings: &mut Settings| settings.body_format = BodyFormat::Json;
        let post = |settings: &mut Settings| settings.auth_method = AuthMethod::ClientSecretPost;
        let text = |text| Some(TextOrFile::Text(Secret::new(text)));
        let odd_secret = |settings: &mut Settings| settings.credentials.secret = text("a+b");
        let no_secret = |settings: &mut Settings| settings.credentials.secret = text("");
        let spaced = |settings: &mut Settings| settings.credentials.secret = text("s3cr3t\t");
        let odd_id = |settings: &mut Settings| settings.credentials.id = text("app@example");
        let folder = std::env::temp_dir().join(format!("tks-hints-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let in_file = |text: &str| {
            let path = folder.join(text.len().to_string());
            std::fs::write(&path, text).unwrap();
            Some(TextOrFile::File { path, named_by: "client_secret_file", what: "secret" })
        };
        let file = |settings: &mut Settings| settings.credentials.secret = in_file("hunter2\n");
        let odd_file = |settings: &mut Settings| settings.credentials.secret = in_file("a+b");
        let spaced_file = |settings: &mut Settings| settings.credentials.secret = in_file("s3cr3t \n");
        let odd_id_file = |settings: &mut Settings| settings.credentials.id = in_file("app@example\n");
        let nothing = |_: &mut Settings| {};
        type Change<'a> = &'a [&'a dyn Fn(&mut Settings)];
        for (changes, status, code, hint) in [
            (&[&nothing as &dyn Fn(&mut Settings)] as Change<'_>, 400, "unsupported_grant_type", "body_format=json"),
            (&[&json], 400, "unsupported_grant_type", "body_format=form"),
            (&[&nothing], 400, "invalid_client", "auth_method=client_secret_post"),
            (&[&file], 400, "invalid_client", "auth_method=client_secret_post"),
            (&[&post], 400, "invalid_client", "auth_method=client_secret_basic"),
            (&[&post, &odd_secret], 400, "invalid_client", "auth_method=client_secret_basic"),
            (&[&odd_secret], 400, "invalid_client", "basic_encoding=raw"),
            (&[&odd_id], 401, "", "basic_encoding=raw"),
            (&[&odd_id, &file], 401, "", "basic_encoding=raw"),
            (&[&odd_file], 401, "", "basic_encoding=raw"),
            (&[&odd_file, &raw], 400, "invalid_request", "basic_encoding=rfc6749"),
            (&[&odd_file, &post], 401, "", "auth_method=client_secret_basic"),
            (&[&spaced_file], 401, "invalid_client", "client_secret begins or ends with a space"),
            (&[&odd_id_file], 401, "", "basic_encoding=raw"),
            (&[&odd_id], 401, "", "or auth_method=client_secret_post"),
            (&[&odd_secret, &raw], 401, "invalid_client", "basic_encoding=rfc6749"),
            (&[&odd_secret, &raw], 401, "invalid_client", "or auth_method=client_secret_post"),
            (&[&odd_secret, &raw], 400, "invalid_request", "basic_encoding=rfc6749"),
            (&[&odd_secret, &raw, &post], 400, "invalid_request", "body_format=json"),
            (&[&odd_secret], 400, "invalid_request", "body_format=json"),
            (&[&raw], 401, "invalid_client", "auth_method=client_secret_post"),
            (&[&no_secret], 401, "invalid_client", "client_secret is empty"),
            (&[&no_secret, &odd_id, &post], 401, "", "client_secret is empty"),
            (&[&spaced, &odd_id], 401, "invalid_client", "client_secret begins or ends with a space"),
            (&[&spaced], 400, "invalid_scope", "check scope"),
            (&[&nothing], 401, "", "check client_id, client_secret"),
            (&[&nothing], 401, "access_denied", "check client_id, client_secret"),
            (&[&nothing], 401, "unauthorized_client", "does not let this client use this grant_type"),
            (&[&nothing], 400, "unauthorized_client", "does not let this client use this grant_type"),
            (&[&nothing], 403, "invalid_client", "check client_id, client_secret"),
            (&[&nothing], 403, "", "rejects this client or its address"),
            (&[&nothing], 400, "access_denied", "rejects this client or its address"),
            (&[&nothing], 400, "invalid_scope", "check scope"),
            (&[&nothing], 403, "insufficient_scope", "check scope"),
            (&[&nothing], 400, "invalid_target", "check resource and audience"),
            (&[&nothing], 400, "invalid_grant", "check grant_type"),
            (&[&nothing], 400, "invalid_request", "body_format=json"),
            (&[&json], 400, "invalid_request", "body_format=form"),
            (&[&nothing], 400, "", "body_format=json"),
            (&[&json], 422, "", "body_format=form"),
            (&[&nothing], 404, "", "whether it ends in a slash"),
            (&[&nothing], 410, "", "nothing is there"),
            (&[&nothing], 405, "", "this URL does not accept POST"),
            (&[&nothing], 415, "", "body_format=json"),
            (&[&json], 415, "", "body_format=form"),
            (&[&nothing], 406, "", "body_format=json"),
            (&[&nothing], 413, "", "too large"),
            (&[&nothing], 431, "", "too large"),
            (&[&nothing], 429, "invalid_client", "limits the rate of requests"),
            (&[&nothing], 400, "slow_down", "limits the rate of requests"),
            (&[&nothing], 503, "invalid_client", "the server has a problem"),
            (&[&nothing], 400, "server_error", "the server has a problem"),
            (&[&nothing], 400, "their_own", "body_format=json"),
            (&[&nothing], 402, "their_own", "ask the server's operator"),
        ] {
            let mut settings = Settings::example();
            changes.iter().for_each(|change| change(&mut settings));
            let body = format!(r#"{{"error":"{code}"}}"#);
            let error = read_with(&settings, status, &[], body.as_bytes()).unwrap_err();
            assert!(error.message().contains(hint), "{status} {code}: {error}");
        }
    }

    const JWT_BEARER: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    const EXCHANGE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    const URL: &str = "https://auth.example.com/token";

    /// Returns the hint about a response to the request of these options. Its Date is 2023-11-14 22:13:20 GMT.
    fn hint(options: &[(&str, &str)], status: u16, body: &str) -> String {
        let mut config = crate::config::Config::new();
        for (name, value) in [&[("token_url", URL), ("client_id", "id")], options].concat() {
            let value = Some(value).filter(|value| *value != "(unset)");
            config.set(name, value).unwrap();
        }
        let settings = config.settings(&|_| None).unwrap();
        let date = [("date", "Tue, 14 Nov 2023 22:13:20 GMT")];
        let error = read_with(&settings, status, &date, body.as_bytes()).unwrap_err();
        error.message().split_once("; ").unwrap().1.to_owned()
    }

    #[test]
    fn a_refused_signature_names_what_the_assertion_may_lack() {
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
        let (rsa, p256) = (format!("{keys}/rsa-2048.pem"), format!("{keys}/p256.pem"));
        let ed25519 = format!("{keys}/ed25519.pem");
        let [rsa, p256, ed25519] = [&rsa, &p256, &ed25519].map(|path| ("signing_key_file", path.as_str()));
        let issuer = ("issuer", "https://auth.example.com");
        let audience = ("assertion_audience", "https://elsewhere");
        let invalid_client = r#"{"error":"invalid_client"}"#;
        let wants_issuer = "the server may want the issuer: set issuer or assertion_audience";
        let wants_url = "the server may want assertion_audience=https://auth.example.com/token";
        let wants_id = "the server may want signing_key_id";
        let check = "check client_id, the key that is registered, signing_algorithm";
        let key_id = ("signing_key_id", "k");
        let by_hmac = ("auth_method", "client_secret_jwt");
        let secret = ("client_secret", "S3cretOnlyLettersAndDigits0123456789");
        for (options, expected) in [
            (&[rsa][..], wants_issuer),
            (&[rsa, ("assertion_audience", URL)], wants_issuer),
            (&[rsa, issuer], wants_url),
            (&[rsa, issuer, ("assertion_audience", issuer.1)], wants_url),
            (&[rsa, audience], wants_id),
            (&[p256, audience], wants_id),
            (&[ed25519, audience], check),
            (&[p256, audience, key_id], check),
            (&[secret, by_hmac], wants_issuer),
            (&[secret, by_hmac, audience], "check client_id, client_secret, signing_algorithm"),
            (&[JWT_BEARER, rsa, ("claim.sub", "me")], wants_issuer),
            (
                &[JWT_BEARER, ed25519, audience, ("claim.sub", "me")],
                "check claim.iss, the key that is registered, signing_algorithm",
            ),
        ] {
            for (status, body) in [(401, invalid_client), (400, invalid_client), (401, ""), (403, "")] {
                assert_eq!(hint(options, status, body), expected, "{options:?} {status} {body}");
            }
        }
        // The URL may hold a key, or be too long to be shown.
        for url in ["https://auth.example.com/token?key=1", &format!("https://h/{}", "x".repeat(200))] {
            let shown = hint(&[rsa, issuer, ("token_url", url)], 401, "");
            assert_eq!(shown, "the server may want assertion_audience=the text of token_url");
        }
        // A document must not choose the audience through a message.
        let found = hint(&[rsa, issuer, ("token_url", "(unset)")], 401, "");
        assert_eq!(found, "the server may want another assertion_audience");
        // Other refusals are not about the assertion.
        for (status, code, words) in [
            (401, "invalid_scope", "check scope"),
            (403, "unauthorized_client", "the server does not let this client use this grant_type"),
            (404, "", "nothing is there"),
            (429, "", "the server limits the rate"),
            (503, "invalid_client", "the server has a problem"),
        ] {
            let shown = hint(&[rsa], status, &format!(r#"{{"error":"{code}"}}"#));
            assert!(shown.starts_with(words), "{shown}");
        }
    }

    #[test]
    fn a_refused_grant_names_the_claim_that_it_may_lack() {
        let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/ed25519.pem");
        let key = ("signing_key_file", key);
        let sub = ("claim.sub", "me");
        let error = |code: &str| format!(r#"{{"error":"{code}"}}"#);
        let secret = [("client_secret", "s3cr3t"), ("auth_method", "client_secret_post")];
        for (options, code, expected) in [
            (&[JWT_BEARER, key][..], "invalid_grant", "set claim.sub (RFC 7523)"),
            (&[JWT_BEARER, key], "invalid_request", "set claim.sub (RFC 7523)"),
            (&[JWT_BEARER, key], "invalid_scope", "the server may want claim.scope"),
            (&[JWT_BEARER, key, ("claim.scope", "a")], "invalid_scope", "check scope: "),
            (&[JWT_BEARER, key, sub], "invalid_grant", "the server may want the issuer: "),
            (&[JWT_BEARER, key, sub], "invalid_request", "check that every parameter"),
            // The secret authenticates the client.
            (&[JWT_BEARER, key, sub, secret[0], secret[1]], "invalid_client", "check client_id, client_secret and"),
            (&[JWT_BEARER, key, secret[0], secret[1]], "invalid_grant", "set claim.sub (RFC 7523)"),
            (&[EXCHANGE, ("param.subject_token", "s")], "invalid_grant", "check the subject token and its type"),
            (&[secret[0], ("grant_type", "urn:x")], "invalid_grant", "check grant_type and"),
        ] {
            let shown = hint(options, 400, &error(code));
            assert!(shown.starts_with(expected), "{options:?} {code}: {shown}");
        }
    }

    #[test]
    fn a_refused_file_that_had_expired_is_named() {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        const DATE: i64 = 1_700_000_000;
        let folder = std::env::temp_dir().join(format!("tks-expired-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("assertion");
        let file = path.to_str().unwrap();
        let write = |exp: i64| {
            let claims = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{exp}}}"#));
            std::fs::write(&path, format!("eyJhbGciOiJub25lIn0.{claims}.c2ln\n")).unwrap();
        };
        let invalid_client = r#"{"error":"invalid_client"}"#;
        let invalid_grant = r#"{"error":"invalid_grant"}"#;
        let client = [("client_assertion_file", file)];
        for (ago, words) in [(1, "1 s"), (119, "119 s"), (720, "12 minutes"), (7200, "2 hours"), (864_000, "10 days")] {
            write(DATE - ago);
            let expired =
                format!("the assertion in {file} expired {words} ago: the program that renews it has stopped");
            assert_eq!(hint(&client, 401, invalid_client), expired);
            assert_eq!(hint(&client, 403, ""), expired);
            let of_grant = [JWT_BEARER, ("assertion_file", file)];
            assert_eq!(hint(&of_grant, 400, invalid_grant), expired);
            let of_subject = [EXCHANGE, ("subject_token_file", file)];
            assert_eq!(hint(&of_subject, 400, invalid_grant), expired.replacen("assertion", "subject token", 1));
        }
        // The file may be right, and the server want something else.
        write(DATE);
        let trusted = "check client_id, and which issuer, subject and audience the server trusts";
        assert_eq!(hint(&client, 401, invalid_client), trusted);
        std::fs::write(&path, "no-jwt").unwrap();
        assert_eq!(hint(&client, 401, invalid_client), trusted);
        write(DATE - 720);
        assert!(hint(&client, 503, "").starts_with("the server has a problem"));
        let without_id = [client[0], ("client_id", "(unset)")];
        write(DATE);
        assert!(hint(&without_id, 401, invalid_client).starts_with("the server may want client_id"));
        let entra = ("token_url", "https://login.microsoftonline.com/t/oauth2/v2.0/token");
        let described = r#"{"error":"invalid_request","error_description":"AADSTS900144: The request body must contain client_id."}"#;
        let needs_id = "it needs client_id: set it";
        assert_eq!(hint(&[&without_id[..], &[entra]].concat(), 401, invalid_client), needs_id);
        assert!(hint(&without_id, 400, described).ends_with(needs_id));
        assert_eq!(hint(&[client[0], entra], 401, invalid_client), trusted);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn each_method_without_a_secret_has_its_own_hint() {
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
        let (certificate, key) = (format!("{keys}/p256-certificate.pem"), format!("{keys}/p256.pem"));
        let tls = [("client_cert_file", &*certificate), ("client_key_file", &*key)];
        assert!(hint(&tls, 401, "").contains("client_cert_file is the certificate that is registered"));
        assert!(hint(&[("auth_method", "none")], 401, "").contains("whether the server wants a credential"));
    }
}
