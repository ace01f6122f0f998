//! Clients without a shared secret that is sent, at third-party servers: signed assertions, mutual TLS, the grants that
//! machines use, and discovery.

use super::*;
use std::io::{Read, Write};
use tokensource_testserver::{Authority, Leaf, Proxy, ProxyOptions};

/// A directory with the keys that `servers/keys.mjs` describes.
pub static KEYS: LazyLock<String> = LazyLock::new(|| {
    let folder = Path::new(TEMPORARY).join("keys");
    fs::create_dir_all(&folder).unwrap();
    // `make` has put a new enough Node into PATH, if this machine has none.
    let made = Command::new("node").arg("tests/servers/keys.mjs").arg(&folder).status();
    assert!(made.expect("node").success());
    folder.into_os_string().into_string().unwrap()
});

/// The same server as `OIDC_PROVIDER`, over TLS. It has its metadata at the path of RFC 8414 only.
static OIDC_PROVIDER_TLS: LazyLock<Server> =
    LazyLock::new(|| Server::node("oidc-provider", &[&KEYS, &CERTIFICATES], "", 600));

/// None where Debian's package is not available.
static GLEWLWYD: LazyLock<Option<Server>> = LazyLock::new(|| {
    let root = INSTALLED.join("debian/root");
    let root = root.exists().then(|| root.into_os_string().into_string().unwrap())?;
    Some(Server::python("glewlwyd", &[&root, &KEYS, TEMPORARY], "", 3600))
});

static AUTHGENT: LazyLock<Server> = LazyLock::new(|| Server::python("authgent", &[TEMPORARY], "", 900));

/// A directory with the certificates and keys of `OIDC_PROVIDER_TLS` and of its clients.
static CERTIFICATES: LazyLock<String> = LazyLock::new(|| {
    let folder = Path::new(TEMPORARY).join("certificates");
    fs::create_dir_all(&folder).unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (server, client, unknown) = (authority.issue(Leaf::Good), authority.client(), stranger.client());
    for (name, text) in [
        ("ca.pem", &authority.pem()),
        ("server.pem", &server.chain),
        ("server.key", &server.key),
        ("client.pem", &client.chain),
        ("client.key", &client.key),
        ("stranger.pem", &unknown.chain),
        ("stranger.key", &unknown.key),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    folder.into_os_string().into_string().unwrap()
});

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const INVALID_GRANT: (&str, i32, &str) = ("TKS_OAUTH", 400, "invalid_grant");
const SHARED_KEY: &str = "shared key";

fn key(name: &str) -> String {
    format!("{}/{name}", *KEYS)
}

fn certificate(name: &str) -> String {
    format!("{}/{name}", *CERTIFICATES)
}

/// Writes a file of this test.
fn written(name: &str, text: &str) -> String {
    let path = Path::new(TEMPORARY).join(name);
    fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

impl Server {
    /// Makes a source with these options alone.
    fn with(&self, options: Options) -> Source {
        let mut config = Config::new();
        let provider = [("provider", self.provider)].into_iter().filter(|(_, name)| !name.is_empty());
        for (name, value) in provider.chain(options.iter().copied()) {
            config.set(name, value).unwrap();
        }
        Source::new(&config).unwrap_or_else(|error| panic!("{options:?}: {error:?}"))
    }

    /// Asserts that the token endpoint grants a token at the first request.
    fn assert_signed(&self, options: Options) -> Token {
        let options = [&[("token_url", self.url.as_str())], options].concat();
        self.assert_grants(&self.with(&options), &format!("{options:?}"))
    }

    /// Asserts that one request is refused with these parts and this hint, and that a second call sends none.
    #[track_caller]
    fn assert_refused(&self, options: Options, expected: (&str, i32, &str), hint: &str) {
        let source = self.with(&[&[("token_url", self.url.as_str())], options].concat());
        let error = source.get().expect_err("an error");
        let parts = (error.status(), error.http_status(), error.oauth_error().unwrap_or_default());
        assert_eq!((parts.0.as_str(), parts.1, parts.2.as_str()), expected, "{error:?}");
        assert!(error.message().contains(hint), "{error:?}");
        assert!(!error.is_transient() && !error.message().contains("eyJ"), "{error:?}");
        assert_eq!(source.get().unwrap_err().message(), error.message());
        assert_eq!(source.stat(REQUESTS), 1);
    }

    /// Asserts that a token comes after so many requests, of which the last is the token request. The second token then costs
    /// one request.
    fn assert_discovered(&self, issuer: &str, options: Options, requests: u64) {
        let source = self.with(&[&[("issuer", issuer)], options].concat());
        let token = source.get().unwrap_or_else(|error| panic!("{issuer}: {error:?}"));
        assert_eq!(source.stat(REQUESTS), requests);
        source.invalidate(&token);
        assert_ne!(source.get().unwrap().access_token(), token.access_token());
        assert_eq!(source.stat(REQUESTS), requests + 1);
    }

    /// Sends a body to the token endpoint by hand. Returns the response.
    fn post(&self, body: &str) -> String {
        let (host, path) = self.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let head =
            format!("POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}", body.len());
        write!(stream, "{head}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{body}").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }
}

/// The algorithms of a kind of key, the forms of the key, and its name in a JWK Set.
const KINDS: [(&[&str], &[&str], &str); 4] = [
    (
        &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        &["rsa.pkcs8.pem", "rsa.pkcs1.pem", "rsa.jwk", "rsa.google.json"],
        "rsa",
    ),
    (&["ES256"], &["p256.pkcs8.pem", "p256.sec1.pem", "p256.parameters.pem", "p256.jwk"], "p256"),
    (&["ES384"], &["p384.pkcs8.pem", "p384.sec1.pem", "p384.jwk"], "p384"),
    (&["EdDSA", "Ed25519"], &["ed25519.pkcs8.pem", "ed25519.jwk"], "ed25519"),
];

#[test]
fn oidc_provider_accepts_every_algorithm_with_every_form_of_key() {
    for (algorithms, forms, kid) in KINDS {
        for algorithm in algorithms {
            let common = [("client_id", *algorithm), ("signing_algorithm", *algorithm)];
            for form in forms {
                OIDC_PROVIDER.assert_signed(&[&common[..], &[("signing_key_file", &key(form))]].concat());
            }
            let from_set = [("signing_key_file", &*key("private.jwks")), ("signing_key_id", kid)];
            OIDC_PROVIDER.assert_signed(&[common, from_set].concat());
        }
    }
}

#[test]
fn oidc_provider_accepts_the_algorithm_that_follows_from_the_key() {
    for (form, algorithm) in
        [("rsa.pkcs1.pem", "RS256"), ("p256.sec1.pem", "ES256"), ("p384.jwk", "ES384"), ("ed25519.pkcs8.pem", "EdDSA")]
    {
        OIDC_PROVIDER.assert_signed(&[("client_id", algorithm), ("signing_key_file", &key(form))]);
    }
    // As an environment variable may hold it.
    let text = fs::read_to_string(key("p256.pkcs8.pem")).unwrap().replace('\n', "\\n");
    OIDC_PROVIDER.assert_signed(&[("client_id", "ES256"), ("signing_key", &text)]);
}

#[test]
fn oidc_provider_accepts_an_assertion_signed_with_the_client_secret() {
    let secret = known(SHARED_KEY).unwrap()["secret"].as_str().unwrap();
    let options = [("client_id", SHARED_KEY), ("client_secret", secret), ("auth_method", "client_secret_jwt")];
    OIDC_PROVIDER.assert_signed(&options);
    for algorithm in ["HS256", "HS384", "HS512"] {
        OIDC_PROVIDER.assert_signed(&[&options[..], &[("signing_algorithm", algorithm)]].concat());
    }
    OIDC_PROVIDER.assert_refused(
        &[options[0], ("client_secret", "not-the-right-horse-battery-for-this-client"), options[2]],
        INVALID_CLIENT,
        "set issuer or assertion_audience",
    );
}

#[test]
fn oidc_provider_accepts_its_issuer_and_its_endpoint_as_the_audience() {
    let options = [("client_id", "ES256"), ("signing_key_file", &*key("p256.jwk"))];
    let with = |name, value| [&options[..], &[(name, value)]].concat();
    OIDC_PROVIDER.assert_signed(&options);
    OIDC_PROVIDER.assert_signed(&with("issuer", OIDC_PROVIDER.origin()));
    OIDC_PROVIDER.assert_signed(&with("assertion_audience", OIDC_PROVIDER.origin()));
    let wrong = with("assertion_audience", "https://elsewhere.example/");
    OIDC_PROVIDER.assert_refused(
        &wrong,
        INVALID_CLIENT,
        "check client_id, the key that is registered, signing_algorithm",
    );
}

#[test]
fn an_issuer_with_one_slash_more_is_refused_with_the_right_one() {
    let issuer = format!("{}/", OIDC_PROVIDER.origin());
    let source =
        OIDC_PROVIDER.with(&[("issuer", &issuer), ("client_id", "ES256"), ("signing_key_file", &key("p256.jwk"))]);
    let error = source.get().unwrap_err();
    assert_eq!(error.status(), "TKS_BAD_RESPONSE");
    let says = format!("says issuer \"{}\": set issuer to that", OIDC_PROVIDER.origin());
    assert!(error.message().contains(&says) && error.message().contains("slash"), "{error:?}");
}

#[test]
fn oidc_provider_refuses_an_assertion_that_it_has_seen() {
    let proxy = Proxy::start(ProxyOptions::default());
    let source = OIDC_PROVIDER.with(&[
        ("token_url", &OIDC_PROVIDER.url),
        ("client_id", "PS256"),
        ("signing_key_file", &key("rsa.jwk")),
        ("signing_algorithm", "PS256"),
        ("proxy", &proxy.url()),
    ]);
    let token = source.get().unwrap();
    let sent = proxy.requests().pop().unwrap().body;
    assert!(sent.contains("&client_assertion=eyJ"), "{sent:.200}");
    let response = OIDC_PROVIDER.post(&sent);
    assert!(response.starts_with("HTTP/1.1 401 ") && response.contains("invalid_client"), "{response}");
    // The next request of the same source has an assertion of its own.
    source.invalidate(&token);
    source.get().unwrap();
}

#[test]
fn a_refused_key_at_oidc_provider_is_one_request_and_leads_to_a_hint() {
    let stranger = key("stranger.pem");
    let options = [("client_id", "ES256"), ("signing_key_file", &*stranger)];
    OIDC_PROVIDER.assert_refused(
        &options,
        INVALID_CLIENT,
        "the server may want the issuer: set issuer or assertion_audience",
    );
    let issuer = [&options[..], &[("issuer", OIDC_PROVIDER.origin())]].concat();
    let hint = format!("may want assertion_audience={}", OIDC_PROVIDER.url);
    OIDC_PROVIDER.assert_refused(&issuer, INVALID_CLIENT, &hint);
    // The client has registered another algorithm.
    let other = [("client_id", "RS256"), ("signing_key_file", &*key("p256.jwk"))];
    OIDC_PROVIDER.assert_refused(&other, INVALID_CLIENT, "");
}

#[test]
fn the_endpoint_of_each_server_is_found_by_its_issuer() {
    let key_file = key("p256.jwk");
    let signed = |client| [("client_id", client), ("signing_key_file", key_file.as_str())];
    OIDC_PROVIDER.assert_discovered(OIDC_PROVIDER.origin(), &signed("ES256"), 2);
    // The first path is a 404 there.
    let ca_file = certificate("ca.pem");
    let options = [&signed("ES256")[..], &[("ca_file", &ca_file)]].concat();
    OIDC_PROVIDER_TLS.assert_discovered(OIDC_PROVIDER_TLS.origin(), &options, 3);
    let secret = known("plain").unwrap()["secret"].as_str().unwrap();
    AUTHGENT.assert_discovered(AUTHGENT.origin(), &[("client_id", "plain"), ("client_secret", secret)], 2);
    if let Some(glewlwyd) = &*GLEWLWYD {
        let issuer = glewlwyd.url.strip_suffix("/token").unwrap();
        let endpoint = ("assertion_audience", glewlwyd.url.as_str());
        let options = [&signed("private_key_jwt")[..], &[("scope", "read"), endpoint]].concat();
        glewlwyd.assert_discovered(issuer, &options, 2);
    }
}

/// The options of the client that oidc-provider knows by its certificate, with this certificate.
fn certified(name: &str) -> [(&'static str, String); 4] {
    [
        ("client_id", "certified".into()),
        ("client_cert_file", certificate(&format!("{name}.pem"))),
        ("client_key_file", certificate(&format!("{name}.key"))),
        ("ca_file", certificate("ca.pem")),
    ]
}

fn borrowed<'a>(options: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    options.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn oidc_provider_authenticates_a_client_by_its_certificate() {
    let own = certified("client");
    OIDC_PROVIDER_TLS.assert_signed(&borrowed(&own));
    OIDC_PROVIDER_TLS.assert_signed(&[&borrowed(&own)[..], &[("auth_method", "tls_client_auth")]].concat());
    OIDC_PROVIDER_TLS.assert_discovered(OIDC_PROVIDER_TLS.origin(), &borrowed(&own), 3);
    OIDC_PROVIDER_TLS.assert_refused(&borrowed(&certified("stranger")), INVALID_CLIENT, "");
    // A certificate for the connection, and a key for the client.
    let own = borrowed(&own);
    let key = key("p384.jwk");
    OIDC_PROVIDER_TLS.assert_signed(&[&own[1..], &[("client_id", "ES384"), ("signing_key_file", &key)]].concat());
}

#[test]
fn authlib_accepts_signed_assertions_of_a_client() {
    for (form, kid) in [("rsa.pkcs8.pem", "rsa"), ("p256.sec1.pem", "p256"), ("rsa.google.json", "rsa")] {
        let options = [("client_id", "signing"), ("signing_key_file", &*key(form)), ("signing_key_id", kid)];
        let token = AUTHLIB.assert_signed(&options);
        assert_eq!(claims(&token)["client_id"], "signing");
        AUTHLIB.assert_signed(&[&options[..], &[("issuer", AUTHLIB.origin())]].concat());
    }
    let secret = known(SHARED_KEY).unwrap()["secret"].as_str().unwrap();
    let shared = [("client_id", SHARED_KEY), ("client_secret", secret), ("auth_method", "client_secret_jwt")];
    assert_eq!(claims(&AUTHLIB.assert_signed(&shared))["client_id"], SHARED_KEY);
}

#[test]
fn a_refused_assertion_at_authlib_leads_to_a_hint() {
    let key = key("p256.pkcs8.pem");
    let options =
        [("client_id", "signing"), ("signing_key_file", &*key), ("assertion_audience", "https://elsewhere.example")];
    // Its key set needs kid.
    AUTHLIB.assert_refused(&options, INVALID_CLIENT_400, "may want signing_key_id");
    let named = [&options[..], &[("signing_key_id", "p256")]].concat();
    AUTHLIB.assert_refused(&named, INVALID_CLIENT_400, "check client_id, the key that is registered");
}

#[test]
fn authlib_grants_a_token_for_a_signed_assertion() {
    let key_file = key("p256.jwk");
    let signed = [("grant_type", JWT_BEARER), ("signing_key_file", &*key_file)];
    let of_client = [&signed[..], &[("client_id", "signing")]].concat();
    assert_eq!(claims(&AUTHLIB.assert_signed(&of_client))["sub"], "signing");
    let of_user = [&of_client[..], &[("claim.sub", "someone")]].concat();
    assert_eq!(claims(&AUTHLIB.assert_signed(&of_user))["sub"], "someone");
    // The issuer is the service account that the key's file names.
    AUTHLIB.assert_signed(&[("grant_type", JWT_BEARER), ("signing_key_file", &key("rsa.google.json"))]);

    let wrong = [&of_user[..], &[("assertion_audience", "https://elsewhere.example")]].concat();
    AUTHLIB.assert_refused(&wrong, INVALID_GRANT, "");
    let nobody = [&of_client[..], &[("claim.sub", "nobody")]].concat();
    AUTHLIB.assert_refused(&nobody, INVALID_GRANT, "Invalid 'sub' value in assertion");
    let stranger = [("grant_type", JWT_BEARER), ("signing_key_file", &*key("stranger.pem")), ("client_id", "signing")];
    AUTHLIB.assert_refused(&[&stranger[..], &[("signing_key_id", "p256")]].concat(), INVALID_GRANT, "set claim.sub");
}

#[test]
fn glewlwyd_accepts_signed_assertions_of_a_client() {
    let Some(glewlwyd) = &*GLEWLWYD else {
        eprintln!("skipped: glewlwyd is not available on this machine");
        return;
    };
    for (form, kid) in [("rsa.pkcs1.pem", "rsa"), ("p256.sec1.pem", "p256"), ("ed25519.pkcs8.pem", "ed25519")] {
        let options = [
            ("client_id", "private_key_jwt"),
            ("signing_key_file", &*key(form)),
            ("signing_key_id", kid),
            ("scope", "read"),
        ];
        assert_eq!(glewlwyd.assert_signed(&options).scope().as_deref(), Some("read"));
        // It refuses without a body.
        let issuer = glewlwyd.url.strip_suffix("/token").unwrap();
        let hint = format!("may want assertion_audience={}", glewlwyd.url);
        glewlwyd.assert_refused(&[&options[..], &[("issuer", issuer)]].concat(), ("TKS_HTTP", 403, ""), &hint);
    }
    let secret = known(SHARED_KEY).unwrap()["secret"].as_str().unwrap();
    let shared = [("client_secret", secret), ("auth_method", "client_secret_jwt"), ("scope", "read")];
    glewlwyd.assert_signed(&[&[("client_id", "client_secret_jwt")], &shared[..]].concat());
}

#[test]
fn authgent_exchanges_a_token() {
    let secret = known("plain").unwrap()["secret"].as_str().unwrap();
    let client = [("client_id", "plain"), ("client_secret", secret)];
    let subject = AUTHGENT.assert_signed(&client);
    let file = written("subject-token", &format!("{}\n", subject.access_token()));
    let exchange = [
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token_file", &*file),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", "https://api.example/"),
        ("scope", "read"),
    ];
    let options = [&client[..], &exchange].concat();
    let source = AUTHGENT.with(&[&[("token_url", AUTHGENT.url.as_str())], &options[..]].concat());
    let token = source.get().unwrap();
    assert_ne!(token.access_token(), subject.access_token());
    let claims = claims(&token);
    assert_eq!(
        (&claims["aud"], &claims["act"]["sub"]),
        (&"https://api.example/".into(), &"client:plain".into()),
        "{claims}"
    );
    assert_eq!(source.stat(REQUESTS), 1);

    let garbage = written("no-subject-token", "a.b.c");
    let wrong = [&client[..], &exchange[..1], &[("subject_token_file", &*garbage)], &exchange[2..]].concat();
    AUTHGENT.assert_refused(&wrong, INVALID_GRANT, "");
}
