//! Whole requests, as options make them.

use crate::{
    config::{Config, Settings},
    oauth::{
        assertion::Moment,
        credentials::{RequestCredentials, texts_of_assertion},
        request::HttpRequest,
    },
    secret::Secret,
};

fn credentials_of(settings: &Settings) -> RequestCredentials {
    RequestCredentials::new(settings, settings.credentials.read().1.unwrap()).unwrap()
}

/// Returns the request of a client with these options, added to the ones that every client needs.
pub(super) fn request(options: &[(&str, &str)]) -> HttpRequest {
    let mut config = Config::new();
    for (name, value) in [("token_url", "https://h/t"), ("client_id", "id"), ("client_secret", "secret")] {
        config.set(name, value).unwrap();
    }
    for (name, value) in options {
        // A provider brings its own URL.
        if *name == "provider" {
            config.set("token_url", None).unwrap();
        }
        config.set(name, *value).unwrap();
    }
    let settings = config.settings(&|_| None).unwrap();
    let moment = Moment { unix_seconds: 1_700_000_000, jti: std::array::from_fn(|nth| nth as u8) };
    credentials_of(&settings).request(&settings, settings.server.endpoint(), &moment).unwrap().0
}

pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut found = request.headers.iter().filter(|(known, _)| known == name);
    let value = found.next().map(|(_, value)| value.expose());
    assert!(found.next().is_none(), "{name} twice");
    value
}

pub(super) fn body(options: &[(&str, &str)]) -> String {
    request(options).body.unwrap().expose().to_owned()
}

fn whole(request: &HttpRequest) -> String {
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.expose())).collect();
    let body = request.body.as_ref().unwrap().expose();
    format!("{}\n{headers}\n{body}", request.endpoint.url)
}

#[test]
fn the_secret_the_credentials_and_all_that_the_caller_added_are_redacted() {
    let mut config = Config::new();
    let options = [("provider", "podero"), ("client_id", "id"), ("client_secret", "hush"), ("param.p", "added")];
    for (name, value) in options {
        config.set(name, value).unwrap();
    }
    let ours = ["aHVzaA", "aHVzaA==", "aWQ6aHVzaA", "aWQ6aHVzaA==", "added", "hush", "no-cache"];
    for (proxy, of_the_proxy) in [
        (None, &[][..]),
        (Some("http://me:pass@proxy"), &["bWU6cGFzcw", "bWU6cGFzcw==", "pass"]),
        (Some("http://key@proxy"), &["a2V5Og", "a2V5Og==", "key"]),
    ] {
        config.set("proxy", proxy).unwrap();
        let settings = config.settings(&|_| None).unwrap();
        let texts = credentials_of(&settings).texts_to_redact(&settings);
        let mut texts: Vec<_> = texts.iter().map(Secret::expose).collect();
        texts.sort();
        let mut expected = [&ours[..], of_the_proxy].concat();
        expected.sort();
        assert_eq!(texts, expected);
    }
    config.set("proxy", None).unwrap().set("auth_method", "client_secret_post").unwrap();
    let settings = config.settings(&|_| None).unwrap();
    let texts = credentials_of(&settings).texts_to_redact(&settings);
    let mut texts: Vec<_> = texts.iter().map(Secret::expose).collect();
    texts.sort();
    assert_eq!(texts, ["aHVzaA", "aHVzaA==", "added", "hush", "no-cache"]);
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
fn a_request_prints_without_its_secrets() {
    let sent = request(&[("client_secret", "hunter2"), ("auth_method", "client_secret_post"), ("header.x", "hunter3")]);
    assert!(!format!("{sent:?}").contains("hunter"));
}

/// Returns the request line, the headers that are not in every request, and the body.
fn sent(options: &[(&str, &str)]) -> String {
    let request = request(options);
    let in_every = ["content-type", "user-agent", "accept"];
    let headers = request.headers.iter().filter(|(name, _)| !in_every.contains(&name.as_str()));
    let headers: String = headers.map(|(name, value)| format!("{name}: {} ", value.expose())).collect();
    format!("{} {headers}{}", request.endpoint.url, request.body.unwrap().expose())
}

/// `id` and `secret` as HTTP Basic.
const BASIC: &str = "authorization: Basic aWQ6c2VjcmV0";

#[test]
fn a_parameter_can_make_another_grant_without_an_option_for_it() {
    let by_parameters: [(&[(&str, &str)], String); 6] = [
        (
            &[("grant_type", "password"), ("param.username", "me"), ("param.password", "p w"), ("scope", "a")],
            format!("https://h/t {BASIC} grant_type=password&scope=a&password=p%20w&username=me"),
        ),
        (
            &[("grant_type", "refresh_token"), ("param.refresh_token", "r")],
            format!("https://h/t {BASIC} grant_type=refresh_token&refresh_token=r"),
        ),
        (
            &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("param.subject_token", "s"),
                ("param.subject_token_type", "urn:x"),
                ("param.requested_token_type", "urn:y"),
                ("audience", "a"),
            ],
            format!(
                "https://h/t {BASIC} grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=a\
                 &requested_token_type=urn%3Ay&subject_token=s&subject_token_type=urn%3Ax"
            ),
        ),
        (
            &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("param.assertion", "a.b.c"),
                ("auth_method", "client_secret_post"),
            ],
            "https://h/t grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&client_id=id\
             &client_secret=secret&assertion=a.b.c"
                .to_owned(),
        ),
        (
            &[("grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer"), ("param.assertion", "PHNhbWw+")],
            format!(
                "https://h/t {BASIC} grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml2-bearer\
                 &assertion=PHNhbWw%2B"
            ),
        ),
        (
            &[("param.client_assertion", "a.b.c"), ("param.client_assertion_type", "urn:z")],
            format!(
                "https://h/t {BASIC} grant_type=client_credentials&client_assertion=a.b.c&client_assertion_type=urn%3Az"
            ),
        ),
    ];
    for (options, expected) in by_parameters {
        assert_eq!(sent(options), expected);
    }
}

#[test]
fn a_grant_type_is_any_text() {
    // Zoom, SAP Ariba.
    for grant_type in ["account_credentials", "openapi_2lo", "client_credential"] {
        let expected = format!("https://h/t {BASIC} grant_type={grant_type}&account_id=1");
        assert_eq!(sent(&[("grant_type", grant_type), ("param.account_id", "1")]), expected);
    }
}

#[test]
fn a_public_client_sends_its_id_and_an_empty_secret_is_a_secret() {
    let empty = ("client_secret", "");
    assert_eq!(sent(&[empty]), "https://h/t authorization: Basic aWQ6 grant_type=client_credentials");
    assert_eq!(
        sent(&[empty, ("auth_method", "client_secret_post"), ("grant_type", "password"), ("param.username", "me")]),
        "https://h/t grant_type=password&client_id=id&username=me"
    );
}

#[test]
fn a_key_goes_into_a_header_and_a_query_stays_in_the_url() {
    assert_eq!(
        sent(&[("header.X-API-Key", "k"), ("token_url", "https://h/t?tenant=1&x=%20"), ("header.accept", "*/*")]),
        format!("https://h/t?tenant=1&x=%20 {BASIC} x-api-key: k grant_type=client_credentials")
    );
}

const HS256_VECTOR: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJteS1jbGllbnQiLCJzdWIiOiJteS1jbGllbnQiLCJhdWQiOiJo\
    dHRwczovL2F1dGguZXhhbXBsZS5jb20vdG9rZW4iLCJqdGkiOiJBQUVDQXdRRkJnY0lDUW9MREEwT0R3IiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDA\
    wMDAwNjB9.9DDO99JbRJi6rDeyejzDwoJ1DA-lj1-lZGfl4x3jfBE";
/// The key of RFC 8037 A.1.
const ED25519_JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"k1","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const CAT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A folder with files of one line, which is removed in the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tks-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns the settings of these options, and nothing else.
fn settings(options: &[(&str, &str)]) -> Settings {
    let mut config = Config::new();
    for (name, value) in options {
        config.set(name, *value).unwrap();
    }
    config.settings(&|_| None).unwrap()
}

/// Returns the header Authorization and the parameters of the body before they are encoded, one a line.
fn parameters(options: &[(&str, &str)]) -> String {
    let settings = settings(&[&[("token_url", "https://auth.example.com/token")], options].concat());
    let moment = Moment { unix_seconds: 1_700_000_000, jti: std::array::from_fn(|nth| nth as u8) };
    let (request, _) = credentials_of(&settings).request(&settings, settings.server.endpoint(), &moment).unwrap();
    let authorization = header(&request, "authorization").map(|value| format!("{value}\n")).unwrap_or_default();
    let body = request.body.as_ref().unwrap().expose();
    let lines = match header(&request, "content-type") {
        Some("application/json") => {
            let members: Vec<_> = body.trim_matches(['{', '}']).split("\",\"").collect();
            members.iter().map(|member| member.replacen("\":\"", "=", 1).replace('"', "")).collect::<Vec<_>>()
        }
        _ => {
            let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
            body.split('&').map(decoded).collect()
        }
    };
    authorization + &lines.join("\n")
}

/// In the order of the page on credentials.
#[test]
fn each_method_and_grant_sends_exactly_this() {
    let folder = Folder::new("wire");
    let line = |name: &str| folder.file(name, &format!("{name}-text\n"));
    let (assertion, subject_token, refresh_token) = (line("a.b.c"), line("subject"), line("refresh"));
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
    let (certificate, key) = (format!("{keys}/p256-certificate.pem"), format!("{keys}/p256.pem"));
    let id = ("client_id", "my-client");
    let secret = ("client_secret", "hunter2");
    let ed25519 = ("signing_key", ED25519_JWK);
    let bearer = ("grant_type", JWT_BEARER);
    let exchange = ("grant_type", TOKEN_EXCHANGE);
    let refresh = ("grant_type", "refresh_token");
    let by_post = ("auth_method", "client_secret_post");
    let none = ("auth_method", "none");
    let basic = "Basic bXktY2xpZW50Omh1bnRlcjI=";
    let client = "grant_type=client_credentials\nclient_id=my-client";
    let eddsa = parameters(&[id, ed25519]).rsplit('=').next().unwrap().to_owned();
    assert!(eddsa.ends_with(".60a3CahxvrXlMNNYdPj4zrB5sM-1LrW7PbUJHFPXs0EFYk4Gd2P4LPs_YmQoH8fNDZa2hHrmw4tQzY58xGXCDg"));
    let google = parameters(&[bearer, ed25519, id]).rsplit('=').next().unwrap().to_owned();
    assert_eq!(google.split('.').count(), 3);
    let rows: &[(&[(&str, &str)], String)] = &[
        (&[id, secret], format!("{basic}\ngrant_type=client_credentials")),
        (&[id, secret, by_post], format!("{client}\nclient_secret=hunter2")),
        (
            &[id, ("client_secret", "S3cretOnlyLettersAndDigits0123456789"), ("auth_method", "client_secret_jwt")],
            format!("{client}\nclient_assertion_type={CAT}\nclient_assertion={HS256_VECTOR}"),
        ),
        (&[id, ed25519], format!("{client}\nclient_assertion_type={CAT}\nclient_assertion={eddsa}")),
        (
            &[id, ("client_assertion_file", &assertion)],
            format!("{client}\nclient_assertion_type={CAT}\nclient_assertion=a.b.c-text"),
        ),
        // SPIFFE's `sub` can be the client.
        (
            &[("client_assertion_file", &assertion), ("param.client_assertion_type", "urn:spiffe")],
            "grant_type=client_credentials\nclient_assertion=a.b.c-text\nclient_assertion_type=urn:spiffe".into(),
        ),
        (
            &[id, ("auth_method", "client_assertion"), ("param.client_assertion", "x.y.z")],
            format!("{client}\nclient_assertion_type={CAT}\nclient_assertion=x.y.z"),
        ),
        (&[id, ed25519, ("param.client_assertion_type", "urn:mine")], {
            format!("{client}\nclient_assertion={eddsa}\nclient_assertion_type=urn:mine")
        }),
        (&[id, ("client_cert_file", &certificate), ("client_key_file", &key)], client.into()),
        (&[id, none], client.into()),
        (&[none], "grant_type=client_credentials".into()),
        (
            &[id, none, refresh, ("refresh_token_file", &refresh_token)],
            "grant_type=refresh_token\nrefresh_token=refresh-text\nclient_id=my-client".into(),
        ),
        // The id is the claim iss, and is not sent.
        (&[bearer, ed25519, id], format!("grant_type={JWT_BEARER}\nassertion={google}")),
        (
            &[bearer, ed25519, id, secret, by_post],
            format!("grant_type={JWT_BEARER}\nassertion={google}\nclient_id=my-client\nclient_secret=hunter2"),
        ),
        (
            &[bearer, ed25519, id, ("assertion_file", &assertion)],
            format!(
                "grant_type={JWT_BEARER}\nassertion=a.b.c-text\nclient_id=my-client\nclient_assertion_type={CAT}\n\
                 client_assertion={eddsa}"
            ),
        ),
        (
            &[bearer, ed25519, id, ("param.assertion", "p.q.r")],
            format!(
                "grant_type={JWT_BEARER}\nclient_id=my-client\nclient_assertion_type={CAT}\nclient_assertion={eddsa}\n\
                 assertion=p.q.r"
            ),
        ),
        (
            &[id, secret, ("grant_type", "urn:saml2"), ("assertion_file", &assertion)],
            format!("{basic}\ngrant_type=urn:saml2\nassertion=a.b.c-text"),
        ),
        (
            &[
                exchange,
                ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("subject_token_file", &subject_token),
                ("audience", "//iam/pools"),
                ("resource", "urn:r"),
                ("scope", "https://scope"),
            ],
            format!(
                "grant_type={TOKEN_EXCHANGE}\nscope=https://scope\naudience=//iam/pools\nresource=urn:r\n\
                 subject_token=subject-text\nsubject_token_type=urn:ietf:params:oauth:token-type:jwt\n\
                 requested_token_type=urn:ietf:params:oauth:token-type:access_token"
            ),
        ),
        // No default goes with a token of the caller's own.
        (
            &[exchange, id, ("param.subject_token", "s")],
            format!("grant_type={TOKEN_EXCHANGE}\nclient_id=my-client\nsubject_token=s"),
        ),
        (
            &[exchange, ("subject_token_file", &subject_token), ("param.subject_token_type", "urn:t")],
            format!("grant_type={TOKEN_EXCHANGE}\nsubject_token=subject-text\nsubject_token_type=urn:t"),
        ),
        (
            &[id, secret, refresh, ("refresh_token_file", &refresh_token)],
            format!("{basic}\ngrant_type=refresh_token\nrefresh_token=refresh-text"),
        ),
        (&[id, secret, refresh, ("param.refresh_token", "r")], {
            format!("{basic}\ngrant_type=refresh_token\nrefresh_token=r")
        }),
    ];
    for (options, expected) in rows {
        assert_eq!(parameters(options), *expected, "{options:?}");
        let json = [options, &[("body_format", "json")][..]].concat();
        assert_eq!(parameters(&json), *expected, "{options:?} as JSON");
    }
}

#[test]
fn on_the_wire_a_client_assertion_reads_so() {
    let settings = settings(&[
        ("token_url", "https://auth.example.com/token"),
        ("client_id", "my-client"),
        ("client_secret", "S3cretOnlyLettersAndDigits0123456789"),
        ("auth_method", "client_secret_jwt"),
    ]);
    let moment = Moment { unix_seconds: 1_700_000_000, jti: std::array::from_fn(|nth| nth as u8) };
    let (request, signed) = credentials_of(&settings).request(&settings, settings.server.endpoint(), &moment).unwrap();
    assert_eq!(
        request.body.unwrap().expose(),
        format!(
            "grant_type=client_credentials&client_id=my-client&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-\
             assertion-type%3Ajwt-bearer&client_assertion={HS256_VECTOR}"
        )
    );
    assert_eq!(signed.unwrap().expose(), HS256_VECTOR);
}

/// Returns the header and the claims of the assertion in the request of these options.
fn assertion(options: &[(&str, &str)]) -> [String; 2] {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let assertion = parameters(options).rsplit('=').next().unwrap().to_owned();
    let parts: Vec<_> = assertion.split('.').collect();
    [parts[0], parts[1]].map(|part| String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
}

#[test]
fn an_assertion_says_what_the_options_say_in_a_fixed_order() {
    let key = ("signing_key", ED25519_JWK);
    let id = ("client_id", "my-client");
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
    let [header, claims] = assertion(&[id, key]);
    assert_eq!(header, r#"{"alg":"EdDSA","typ":"JWT","kid":"k1"}"#);
    let claims_of = |issuer: &str, subject: &str, audience: &str, lifetime: i64, more: &str| {
        format!(
            r#"{{"iss":"{issuer}",{subject}"aud":"{audience}","jti":"AAECAwQFBgcICQoLDA0ODw","iat":1700000000,"exp":{}{more}}}"#,
            1_700_000_000 + lifetime
        )
    };
    let token_url = "https://auth.example.com/token";
    assert_eq!(claims, claims_of("my-client", r#""sub":"my-client","#, token_url, 60, ""));
    let [header, claims] = assertion(&[
        id,
        key,
        ("signing_algorithm", "Ed25519"),
        ("signing_key_id", "mine"),
        ("assertion_typ", "client-authentication+jwt"),
        ("assertion_audience", "https://as/"),
        ("assertion_lifetime", "90.9"),
        ("claim.z", "1"),
        ("claim.a", "\"é"),
        ("claim.empty", ""),
    ]);
    assert_eq!(header, r#"{"alg":"Ed25519","typ":"client-authentication+jwt","kid":"mine"}"#);
    let more = r#","a":"\"é","empty":"","z":"1""#;
    assert_eq!(claims, claims_of("my-client", r#""sub":"my-client","#, "https://as/", 90, more));
    // A part of a second is rounded up to one.
    let [_, claims] = assertion(&[id, key, ("assertion_lifetime", "0.2"), ("issuer", "https://as")]);
    assert_eq!(claims, claims_of("my-client", r#""sub":"my-client","#, "https://as", 1, ""));
    let [_, claims] = assertion(&[id, key, ("claim.iss", "i"), ("claim.sub", "s")]);
    assert_eq!(claims, claims_of("i", r#""sub":"s","#, token_url, 60, ""));
    let bearer = ("grant_type", JWT_BEARER);
    let [_, claims] = assertion(&[bearer, id, key]);
    assert_eq!(claims, claims_of("my-client", "", token_url, 60, ""));
    let [_, claims] = assertion(&[bearer, key, ("claim.iss", "i"), ("claim.sub", "s"), ("claim.scope", "a b")]);
    assert_eq!(claims, claims_of("i", r#""sub":"s","#, token_url, 60, r#","scope":"a b""#));
    let account = ("signing_key_file", format!("{keys}/service-account.json"));
    let [header, claims] = assertion(&[bearer, (account.0, &account.1)]);
    assert!(header.contains(r#""alg":"RS256","typ":"JWT","kid":""#), "{header}");
    assert!(claims.contains("gserviceaccount.com") && !claims.contains("\"sub\""), "{claims}");
    let (file, certificate) = (format!("{keys}/p256.pem"), format!("{keys}/p256-certificate.pem"));
    let [header, _] = assertion(&[id, ("signing_key_file", &file), ("signing_cert_file", &certificate)]);
    let (start, hash) = header.split_once(r#""x5t#S256":""#).unwrap();
    assert_eq!((start, hash.len()), (r#"{"alg":"ES256","typ":"JWT","#, 43 + 2));
    let (secret, by_hmac) =
        (("client_secret", "S3cretOnlyLettersAndDigits0123456789"), ("auth_method", "client_secret_jwt"));
    let [header, _] = assertion(&[id, secret, by_hmac, ("signing_key_id", "mine")]);
    assert_eq!(header, r#"{"alg":"HS256","typ":"JWT","kid":"mine"}"#);
}

#[test]
fn the_texts_of_files_each_assertion_and_longer_claims_are_redacted() {
    let folder = Folder::new("redacted");
    let file = |name: &str| folder.file(name, name);
    let (client_assertion, assertion) = (file("client-assertion"), file("grant-assertion"));
    let (subject_token, refresh_token) = (file("subject-token"), file("refresh-token"));
    let id = ("client_id", "id");
    let texts = |options: &[(&str, &str)]| {
        let settings = settings(&[&[("token_url", "https://h/t")], options].concat());
        let texts = credentials_of(&settings).texts_to_redact(&settings);
        texts.iter().map(|text| text.expose().to_owned()).collect::<Vec<_>>()
    };
    let bearer = ("grant_type", JWT_BEARER);
    let of_files = texts(&[id, bearer, ("assertion_file", &assertion), ("client_assertion_file", &client_assertion)]);
    assert_eq!(of_files, ["client-assertion", "grant-assertion"]);
    assert_eq!(texts(&[("grant_type", TOKEN_EXCHANGE), ("subject_token_file", &subject_token)]), ["subject-token"]);
    let refresh = ("grant_type", "refresh_token");
    let none = ("auth_method", "none");
    assert_eq!(texts(&[id, none, refresh, ("refresh_token_file", &refresh_token)]), ["refresh-token"]);
    let claims = [("claim.a", "éàü"), ("claim.b", "éàüö"), ("claim.c", "")];
    let key = ("signing_key", ED25519_JWK);
    assert_eq!(texts(&[&[id, key][..], &claims].concat()), ["éàüö"]);
    let secret = ("client_secret", "S3cretOnlyLettersAndDigits0123456789");
    let of_secret = texts(&[id, secret, ("auth_method", "client_secret_jwt")]);
    assert!(of_secret.iter().any(|text| text == secret.1), "{of_secret:?}");
    let of_assertion = texts_of_assertion(&Secret::new("head.claims.signature"));
    assert_eq!(of_assertion.map(|text| text.expose().to_owned()), ["head.claims.signature", "signature"]);
}
