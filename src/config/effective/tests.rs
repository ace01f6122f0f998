//! Tests: what the options mean together, with a provider and with an environment.

use super::*;
use crate::config::{BodyFormat, Config, Proxy, Refresh, options};

const REQUIRED: [(&str, &str); 3] = [("token_url", "https://h/t"), ("client_id", "id"), ("client_secret", "hunter2")];

/// Long enough to sign with each algorithm.
const LONG_SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2";

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&REQUIRED[..], more].concat()
}

fn config(options: &[(&str, &str)]) -> Config {
    let mut config = Config::new();
    for (name, value) in options {
        config.set(name, *value).unwrap();
    }
    config
}

fn settings(options: &[(&str, &str)]) -> Settings {
    config(options).settings(&|_| None).unwrap()
}

fn rejected(options: &[(&str, &str)]) -> String {
    let error = config(options).settings(&|_| None).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::InvalidConfig, false));
    error.message().to_owned()
}

#[test]
fn an_option_that_is_not_set_has_the_default_of_the_table() {
    let debug = |config: &Config| {
        // A server's lifetime of 0 counts as the default lifetime only if the program set one.
        let settings = Settings { default_lifetime_is_set: true, ..config.settings(&|_| None).unwrap() };
        format!("{settings:?}")
    };
    // A client that signs, so that every option is used.
    let signs = with(&[("auth_method", "client_secret_jwt"), ("client_secret", LONG_SECRET)]);
    let mut explicit = config(&signs);
    let mut defaults = 0;
    for option in options() {
        if let Some((_, default)) = option.help().split_once(" Default: ") {
            // A secret has no certificate.
            if option.name() != "signing_cert_header" {
                explicit.set(option.name(), default.strip_suffix('.')).unwrap();
            }
            defaults += 1;
        }
    }
    assert_eq!(defaults, 14);
    assert_eq!(debug(&config(&signs)), debug(&explicit));
}

#[test]
fn a_program_may_rely_on_these_defaults() {
    let settings = settings(&REQUIRED);
    assert_eq!(settings.timeout, Duration::from_secs(30));
    assert_eq!(settings.connect_timeout, Duration::from_secs(10));
    assert_eq!(settings.default_lifetime, Duration::from_secs(600));
    assert_eq!(settings.max_attempts, 3);
    assert_eq!(settings.grant_type.as_deref(), Some("client_credentials"));
    assert_eq!(settings.user_agent, concat!("tokensource/", env!("CARGO_PKG_VERSION")));
    assert_eq!(
        (settings.auth_method, settings.basic_encoding, settings.body_format),
        (AuthMethod::ClientSecretBasic, BasicEncoding::Rfc6749, BodyFormat::Form)
    );
    assert_eq!((settings.refresh, settings.roots), (Refresh::Background, Roots::Auto));
    assert_eq!((settings.refresh_ahead, settings.expiry_margin, settings.max_lifetime), (None, None, None));
    assert!(!settings.default_lifetime_is_set);
    assert_eq!((settings.scope, settings.audience, settings.resource), (None, None, vec![]));
    assert!(settings.params.is_empty() && settings.headers.is_empty());
    assert!(settings.identity.is_none() && settings.proxies.proxies().next().is_none());
}

#[test]
fn each_word_of_an_option_is_a_setting_of_its_own() {
    let debug = |name, word: &'static str| format!("{:?}", settings(&with(&[(name, word)])));
    for name in ["basic_encoding", "body_format", "refresh", "ca"] {
        let option = options().iter().find(|option| option.name() == name).unwrap();
        let words: Vec<_> = option.allowed().split(" | ").collect();
        let mut seen: Vec<_> = words.iter().map(|word| debug(name, word)).collect();
        assert_eq!(seen.iter().filter(|seen| **seen == debug("client_id", "id")).count(), 1, "{name}: the default");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), words.len(), "{name}");
    }
}

#[test]
fn each_option_that_is_set_is_in_the_settings() {
    let settings = settings(&with(&[
        ("auth_method", "client_secret_post"),
        ("body_format", "json"),
        ("grant_type", "g"),
        ("scope", "a b"),
        ("audience", "aud"),
        ("resource", "urn:a urn:b"),
        ("param.b", "2"),
        ("param.a", ""),
        ("header.X-Key", "k"),
        ("timeout", "1.5"),
        ("connect_timeout", "60"),
        ("max_attempts", "7"),
        ("refresh", "inline"),
        ("refresh_ahead", "0"),
        ("expiry_margin", "0.25"),
        ("default_lifetime", "60"),
        ("max_lifetime", "3600"),
        ("client_cert_file", "/c"),
        ("client_key_file", "/k"),
        ("ca_file", "/ca"),
        ("proxy", "http://u:p@proxy:1"),
        ("user_agent", "me"),
    ]));
    let exposed = |pairs: &[(String, Secret)]| {
        pairs.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((settings.auth_method, settings.body_format), (AuthMethod::ClientSecretPost, BodyFormat::Json));
    assert_eq!((settings.grant_type.as_deref(), settings.scope.as_deref()), (Some("g"), Some("a b")));
    assert_eq!((settings.audience.as_deref(), settings.resource), (Some("aud"), vec!["urn:a".into(), "urn:b".into()]));
    assert_eq!((exposed(&settings.params), exposed(&settings.headers)), ("a= b=2".into(), "x-key=k".into()));
    assert_eq!((settings.timeout, settings.connect_timeout), (Duration::from_millis(1500), Duration::from_secs(60)));
    assert_eq!((settings.max_attempts, settings.refresh), (7, Refresh::Inline));
    assert_eq!(settings.refresh_ahead, Some(Duration::ZERO));
    assert_eq!(settings.expiry_margin, Some(Duration::from_millis(250)));
    assert_eq!(settings.default_lifetime, Duration::from_secs(60));
    assert!(settings.default_lifetime_is_set);
    assert_eq!(settings.max_lifetime, Some(Duration::from_secs(3600)));
    assert_eq!(settings.identity, Some(Identity { cert: "/c".into(), key: "/k".into() }));
    assert_eq!(settings.roots, Roots::File { path: "/ca".into(), named_by: "ca_file" });
    let proxies: Vec<_> = settings.proxies.proxies().map(|proxy| (proxy.host.as_str(), proxy.port)).collect();
    assert_eq!(proxies, [("proxy", 1)]);
    assert_eq!(settings.user_agent, "me");
}

#[test]
fn an_option_that_is_set_wins_over_the_providers_in_any_order() {
    let explicit = [("body_format", "form"), ("header.Cache-Control", "no-store")];
    let rest = [("provider", "podero"), ("client_id", "id"), ("client_secret", "hunter2")];
    for options in [[&explicit[..], &rest[..]].concat(), [&rest[..], &explicit[..]].concat()] {
        let settings = settings(&options);
        assert_eq!(settings.server.endpoint().host, "app.podero.com");
        assert_eq!(settings.body_format, BodyFormat::Form);
        assert_eq!(settings.headers[0].1.expose(), "no-store");
    }
}

#[test]
fn unsetting_restores_a_providers_option_but_never_its_header() {
    for unset_first in [true, false] {
        let mut config = config(&[("client_id", "id"), ("client_secret", "hunter2"), ("body_format", "form")]);
        if !unset_first {
            config.set("provider", "podero").unwrap();
        }
        config.set("body_format", None).unwrap().set("header.Cache-Control", None).unwrap();
        config.set("provider", "podero").unwrap();
        let settings = config.settings(&|_| None).unwrap();
        assert_eq!(settings.body_format, BodyFormat::Json);
        assert!(settings.headers.is_empty());
    }
}

#[test]
fn one_error_reports_all_that_is_missing() {
    assert_eq!(
        rejected(&[]),
        "neither provider, token_url nor issuer is set: set one; client_id is not set: set it; no credential is set: \
         set client_secret_file (a shared secret), signing_key_file (a private key), client_assertion_file (a token \
         from elsewhere), client_cert_file (mutual TLS), or auth_method=none for a client that has none"
    );
}

#[test]
fn one_error_reports_all_contradictions() {
    let message = rejected(&[
        ("token_url", "http://h/t"),
        ("client_id", "a:b"),
        ("basic_encoding", "raw"),
        ("client_secret", "hunter2"),
        ("client_secret_file", "/nowhere"),
        ("ca", "auto"),
        ("ca_file", "/ca"),
        ("client_cert_file", "/c"),
    ]);
    for part in ["allow_insecure_http", "colon", "client_secret_file are both", "ca and ca_file", "client_key_file"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(message.split("; ").count(), 5, "{message}");
    assert!(!message.contains("hunter2"));
    assert!(rejected(&with(&[("client_key_file", "/k")])).contains("without client_cert_file"));
}

#[test]
fn a_colon_in_the_id_is_rejected_only_with_raw_basic() {
    settings(&with(&[("client_id", "a:b")]));
    settings(&with(&[("client_id", "a:b"), ("basic_encoding", "raw"), ("auth_method", "client_secret_post")]));
    rejected(&with(&[("client_id", "a:b"), ("basic_encoding", "raw")]));
}

#[test]
fn http_is_for_loopback_unless_allowed() {
    for url in ["http://localhost:1/", "http://127.0.0.1/", "http://[::1]/"] {
        assert!(settings(&with(&[("token_url", url)])).server.endpoint().must_be_loopback);
    }
    rejected(&with(&[("token_url", "http://10.0.0.1/")]));
    for url in ["http://localhost:1/", "http://10.0.0.1/"] {
        let options = with(&[("token_url", url), ("allow_insecure_http", "true")]);
        assert!(!settings(&options).server.endpoint().must_be_loopback);
    }
    assert!(!settings(&REQUIRED).server.endpoint().must_be_loopback);
}

#[test]
fn a_secret_file_must_be_usable_from_the_start() {
    let path = std::env::temp_dir().join(format!("tks-config-{}", std::process::id()));
    let path = path.to_str().unwrap();
    let options = [REQUIRED[0], REQUIRED[1], ("client_secret_file", path)];
    let message = rejected(&options);
    assert!(
        message.starts_with(&format!("option client_secret_file: {path}: it cannot be read (No such file")),
        "{message}"
    );
    std::fs::write(path, "s\n").unwrap();
    assert_eq!(settings(&options).credentials.read().1.unwrap().secret.unwrap().expose(), "s");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn ssl_cert_file_is_read_only_if_no_option_names_the_authorities_to_trust() {
    let roots = |value: &'static str, more: &[(&'static str, &'static str)]| {
        let environment = move |name: &str| (name == "SSL_CERT_FILE").then(|| value.to_owned());
        config(&with(more)).settings(&environment).unwrap().roots
    };
    assert_eq!(roots("/e", &[]), Roots::File { path: "/e".into(), named_by: "SSL_CERT_FILE" });
    let here = std::env::current_dir().unwrap();
    assert_eq!(roots("e", &[]), Roots::File { path: here.join("e"), named_by: "SSL_CERT_FILE" });
    assert_eq!(roots("", &[]), Roots::Auto);
    assert_eq!(roots("/e", &[("ca", "auto")]), Roots::Auto);
    assert_eq!(roots("/e", &[("ca", "bundled")]), Roots::Bundled);
    assert_eq!(roots("/e", &[("ca_file", "/f")]), Roots::File { path: "/f".into(), named_by: "ca_file" });
}

#[test]
fn ssl_cert_dir_is_read_beside_ssl_cert_file() {
    let roots = |file: &'static str, directories: &'static str, more: &[(&'static str, &'static str)]| {
        let environment = move |name: &str| match name {
            "SSL_CERT_FILE" => Some(file.to_owned()),
            "SSL_CERT_DIR" => Some(directories.to_owned()),
            _ => None,
        };
        config(&with(more)).settings(&environment).unwrap().roots
    };
    let environment = |file: Option<&str>, directories: &[&str]| Roots::Environment {
        file: file.map(Into::into),
        directories: directories.iter().map(Into::into).collect(),
    };
    assert_eq!(roots("", "/a", &[]), environment(None, &["/a"]));
    assert_eq!(roots("/e", "/a:/b", &[]), environment(Some("/e"), &["/a", "/b"]));
    assert_eq!(roots("/e", ":/a::", &[]), environment(Some("/e"), &["/a"]));
    let here = std::env::current_dir().unwrap();
    assert_eq!(roots("", "a", &[]), environment(None, &[here.join("a").to_str().unwrap()]));
    assert_eq!(roots("/e", ":", &[]), Roots::File { path: "/e".into(), named_by: "SSL_CERT_FILE" });
    assert_eq!(roots("", ":", &[]), Roots::Auto);
    assert_eq!(roots("/e", "/a", &[("ca", "system")]), Roots::System);
    assert_eq!(roots("/e", "/a", &[("ca_file", "/f")]), Roots::File { path: "/f".into(), named_by: "ca_file" });
}

/// Returns the proxy for the token endpoint.
fn proxy_of(settings: &Settings) -> Option<Proxy> {
    settings.proxies.proxy_for(settings.server.endpoint()).unwrap().cloned()
}

#[test]
fn the_proxy_option_wins_over_the_environment_and_holds_for_loopback_too() {
    let proxy = |option: Option<&str>, url: &'static str| {
        let mut config = config(&with(&[("token_url", url)]));
        let settings = config
            .set("proxy", option)
            .unwrap()
            .settings(&|name| ["https_proxy", "http_proxy"].contains(&name).then(|| "env".to_owned()));
        proxy_of(&settings.unwrap()).map(|proxy| (proxy.host, proxy.named_by))
    };
    assert_eq!(proxy(None, "https://h/"), Some(("env".into(), "https_proxy")));
    assert_eq!(proxy(None, "http://127.0.0.1/"), None);
    assert_eq!(proxy(Some("own"), "https://h/"), Some(("own".into(), "proxy")));
    assert_eq!(proxy(Some("own"), "http://127.0.0.1/"), Some(("own".into(), "proxy")));
    assert_eq!(proxy(Some("none"), "https://h/"), None);
}

#[test]
fn the_environments_proxy_is_used_and_an_unusable_one_is_rejected_without_its_password() {
    let from = |value: &'static str| {
        config(&REQUIRED).settings(&move |name| (name == "HTTPS_PROXY").then(|| value.to_owned()))
    };
    assert_eq!(proxy_of(&from("http://u:p@proxy:1").unwrap()).unwrap().named_by, "HTTPS_PROXY");
    assert_eq!(proxy_of(&from("socks5h://u:p@proxy").unwrap()).unwrap().port, 1080);
    let error = from("socks4://u:hunter3@proxy").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.message().contains("HTTPS_PROXY") && !error.message().contains("hunter3"), "{error}");
}

#[test]
fn the_id_is_text_or_a_file_and_not_both() {
    let path = std::env::temp_dir().join(format!("tks-config-id-{}", std::process::id()));
    std::fs::write(&path, "id:1\n").unwrap();
    let file = ("client_id_file", path.to_str().unwrap());
    let read = settings(&[REQUIRED[0], file, REQUIRED[2]]).credentials.read().1.unwrap();
    assert_eq!(read.id.unwrap().expose(), "id:1");
    assert!(rejected(&with(&[file])).contains("client_id and client_id_file are both set: unset one"));
    let raw = [REQUIRED[0], file, REQUIRED[2], ("basic_encoding", "raw")];
    assert!(rejected(&raw).contains("client_id_file: ") && rejected(&raw).contains("it holds a colon"));
    settings(&[&raw[..], &[("auth_method", "client_secret_post")]].concat());
    std::fs::write(&path, "\n").unwrap();
    assert!(rejected(&[REQUIRED[0], file, REQUIRED[2]]).ends_with("it is empty"));
    // What is wrong with the other credential is reported too.
    let both = rejected(&[REQUIRED[0], file, ("client_secret_file", "/nowhere/secret")]);
    assert!(both.contains("it is empty; option client_secret_file: /nowhere/secret"), "{both}");
    assert!(rejected(&[REQUIRED[0], file]).contains("it is empty"));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_parameter_is_not_sent_twice() {
    let params = [("param.client_id", "id"), ("param.client_secret", "hunter2")];
    settings(&with(&params));
    settings(&with(&[("param.client_id", "another")]));
    let post = ("auth_method", "client_secret_post");
    for (added, named) in [
        (&params[..1], "param.client_id: unset"),
        (&params[1..], "param.client_secret: unset"),
        (&params[..], "param.client_id and param.client_secret: unset"),
    ] {
        let message = rejected(&with(&[&[post], added].concat()));
        assert!(message.starts_with("auth_method=client_secret_post sends the same parameter as"), "{message}");
        assert!(message.contains(named) && !message.contains("hunter2"), "{message}");
    }
    for name in ["grant_type", "scope", "audience", "resource"] {
        assert!(Config::new().set(&format!("param.{name}"), "x").is_err(), "{name}");
    }
    // A member that was unset is not sent.
    let mut config = config(&with(&[post, params[0]]));
    config.set("param.client_id", None).unwrap();
    config.settings(&|_| None).unwrap();
}

#[test]
fn a_grant_type_of_none_is_not_sent() {
    assert_eq!(settings(&with(&[("grant_type", "none")])).grant_type, None);
    for word in ["None", "none ", "none_"] {
        assert_eq!(settings(&with(&[("grant_type", word)])).grant_type.as_deref(), Some(word));
    }
}

/// Returns the path of a key that is no secret.
fn key(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name);
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_audience_is_the_programs_before_the_providers_and_a_url_is_the_last() {
    let key_file = key("p256.pem");
    let signing = |options: &[(&str, &str)], provider: &[(&str, &str)]| {
        let own = [&[("client_id", "id"), ("signing_key_file", &key_file)], options].concat();
        let file: String = provider.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let signing = config(&own).settings_with_provider_file(&file, &|_| None).unwrap().signing.unwrap();
        (signing.audience, signing.issuer)
    };
    let url = ("token_url", "HTTPS://H:443/T?q=%41");
    let (audience, issuer) = (("assertion_audience", "a b"), ("issuer", "https://I/"));
    let provider = [url, ("assertion_audience", "p"), ("issuer", "https://P")];
    for (own, provider, expected) in [
        (&[url, issuer, audience][..], &provider[..], "a b"),
        (&[url, issuer], &provider, "https://I/"),
        (&[issuer], &provider, "https://I/"),
        (&[url], &provider, "p"),
        (&[], &provider, "p"),
        (&[], &[url, provider[2]], "https://P"),
        (&[], &[url], url.1),
        (&[url], &[], url.1),
        (&[issuer], &[], "https://I/"),
        (&[issuer, audience], &[], "a b"),
    ] {
        assert_eq!(signing(own, provider).0, expected, "{own:?} {provider:?}");
    }
    assert_eq!(signing(&[url, issuer, audience], &[]).1.as_deref(), Some("https://I/"));
    assert_eq!(signing(&[url], &[]).1, None);
}

#[test]
fn an_issuer_is_where_the_endpoint_is_looked_up_unless_a_url_is_known() {
    let client = [REQUIRED[1], REQUIRED[2]];
    let server = |options: &[(&str, &str)]| settings(&[&client[..], options].concat()).server;
    let (url, issuer) = (("token_url", "https://h/t"), ("issuer", "https://i/realm"));
    assert!(matches!(server(&[url]), Server::TokenUrl(endpoint) if endpoint.url == url.1));
    assert!(matches!(server(&[url, issuer]), Server::TokenUrl(endpoint) if endpoint.url == url.1));
    assert!(matches!(server(&[issuer]), Server::Issuer(endpoint) if endpoint.url == issuer.1));
    assert!(matches!(server(&[("provider", "gardin"), issuer]), Server::TokenUrl(_)));
    let http = ("issuer", "http://i.example/");
    let message = rejected(&[&client[..], &[http]].concat());
    assert!(message.starts_with("issuer is http to another machine, so the secret can be read on"), "{message}");
    assert!(matches!(server(&[url, http]), Server::TokenUrl(_)));
    assert!(server(&[("issuer", "http://localhost:1")]).endpoint().must_be_loopback);
    assert!(!server(&[http, ("allow_insecure_http", "true")]).endpoint().must_be_loopback);
    assert_eq!(rejected(&client), "neither provider, token_url nor issuer is set: set one");
}

#[test]
fn what_an_assertion_says_comes_from_options_and_defaults() {
    let key_file = key("p256.pem");
    let base = [REQUIRED[0], REQUIRED[1], ("signing_key_file", &*key_file)];
    let signing = |more: &[(&str, &str)]| settings(&[&base[..], more].concat()).signing.unwrap();
    let plain = signing(&[]);
    assert_eq!((plain.lifetime, plain.typ.as_str()), (Duration::from_secs(60), "JWT"));
    assert_eq!((plain.algorithm, plain.purpose), (None, SigningPurpose::ClientAssertion));
    assert!(plain.claims.is_empty() && plain.cert_header.word() == "x5t#S256");
    let certificate = key("p256-certificate.pem");
    let all = signing(&[
        ("signing_algorithm", "ES256"),
        ("signing_key_id", "k"),
        ("signing_cert_file", &certificate),
        ("signing_cert_header", "x5c"),
        ("assertion_lifetime", "0.5"),
        ("assertion_typ", "client-authentication+jwt"),
        ("claim.b", ""),
        ("claim.a", "x y"),
    ]);
    assert_eq!((all.lifetime, all.typ.as_str()), (Duration::from_millis(500), "client-authentication+jwt"));
    assert_eq!((all.algorithm.unwrap().word(), all.cert_header.word()), ("ES256", "x5c"));
    let claims: Vec<_> = all.claims.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
    assert_eq!(claims, ["a=x y", "b="]);
    assert!(settings(&REQUIRED).signing.is_none());
}

#[test]
fn a_key_must_sign_as_the_options_say_from_the_start() {
    let (p256, rsa, email) = (key("p256.pem"), key("rsa-2048.pem"), key("service-account.json"));
    let (certificate, foreign) = (key("p256-certificate.pem"), key("p384-certificate.pem"));
    let base = [REQUIRED[0], REQUIRED[1], ("signing_key_file", &*p256)];
    let with_key = |more: &[(&'static str, &str)]| rejected(&[&base[..], more].concat());
    settings(&[&base[..], &[("signing_cert_file", &*certificate), ("signing_algorithm", "ES256")]].concat());
    // The certificate may be in the file of the key.
    let both = std::env::temp_dir().join(format!("tks-config-both-{}", std::process::id()));
    let in_one = [std::fs::read(&p256).unwrap(), std::fs::read(&certificate).unwrap()].concat();
    std::fs::write(&both, in_one).unwrap();
    let both = both.to_str().unwrap();
    settings(&[&base[..2], &[("signing_key_file", both), ("signing_cert_file", both)]].concat());
    std::fs::remove_file(both).unwrap();
    let message = with_key(&[("signing_cert_file", &foreign), ("signing_algorithm", "RS256")]);
    assert!(message.starts_with("signing_algorithm=RS256 does not fit: signing_key_file holds "), "{message}");
    let foreign = "; signing_cert_file is not the certificate of the key in signing_key_file";
    assert!(message.ends_with(foreign), "{message}");
    assert!(
        with_key(&[("signing_cert_file", &p256)]).contains(&format!("option signing_cert_file: {p256}: it holds no"))
    );
    let not_text = std::env::temp_dir().join(format!("tks-config-der-{}", std::process::id()));
    std::fs::write(&not_text, b"\x30\x82\xff").unwrap();
    let path = not_text.to_str().unwrap();
    let message = rejected(&[REQUIRED[0], REQUIRED[1], ("signing_key_file", path)]);
    let expected = format!("option signing_key_file: {path}: it is neither PEM nor JSON: convert it with openssl pkey");
    assert_eq!(message, expected);
    assert!(
        with_key(&[("signing_cert_file", path)]).ends_with("it is not PEM: convert it with openssl x509 -inform DER")
    );
    std::fs::remove_file(path).unwrap();
    // A key as text.
    let text = std::fs::read_to_string(&rsa).unwrap();
    let one_line = text.replace('\n', "\\n");
    settings(&[REQUIRED[0], REQUIRED[1], ("signing_key", &text)]);
    settings(&[REQUIRED[0], REQUIRED[1], ("signing_key", &one_line)]);
    let message = rejected(&[REQUIRED[0], REQUIRED[1], ("signing_key", &text), ("signing_algorithm", "ES256")]);
    assert_eq!(
        message,
        "signing_algorithm=ES256 does not fit: signing_key holds an RSA key, which signs RS256 RS384 RS512 PS256 PS384 PS512"
    );
    let message = rejected(&[REQUIRED[0], REQUIRED[1], ("signing_key", "hunter2")]);
    assert_eq!(message, "option signing_key: it is neither PEM nor JSON: convert it with openssl pkey");
    // A grant has an issuer.
    let grant = [REQUIRED[0], ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")];
    let by = |more: &[(&'static str, &str)]| config(&[&grant[..], more].concat()).settings(&|_| None);
    let no_issuer = "the assertion has no iss: set client_id or claim.iss";
    assert_eq!(by(&[("signing_key_file", &p256)]).unwrap_err().message(), no_issuer);
    by(&[("signing_key_file", &p256), ("client_id", "id")]).unwrap();
    by(&[("signing_key_file", &p256), ("claim.iss", "i")]).unwrap();
    by(&[("signing_key_file", &email)]).unwrap();
}

#[test]
fn a_secret_that_signs_is_long_enough() {
    let jwt = ("auth_method", "client_secret_jwt");
    let signs = |secret: &'static str, more: &[(&'static str, &'static str)]| {
        config(&[&[REQUIRED[0], REQUIRED[1], jwt, ("client_secret", secret)], more].concat()).settings(&|_| None)
    };
    let secret = |length| &LONG_SECRET[..length];
    for (length, more, message) in [
        (31, &[][..], "HS256 needs a secret of 32 bytes; this one has 31: the server must issue a longer one"),
        (0, &[], "HS256 needs a secret of 32 bytes; this one has 0: the server must issue a longer one"),
        (
            32,
            &[("signing_algorithm", "HS512")],
            "HS512 needs a secret of 64 bytes; this one has 32: set signing_algorithm=HS256",
        ),
        (
            63,
            &[("signing_algorithm", "HS512")],
            "HS512 needs a secret of 64 bytes; this one has 63: set signing_algorithm=HS384",
        ),
        (
            32,
            &[("signing_algorithm", "RS256")],
            "signing_algorithm=RS256 does not fit: client_secret is a shared secret, which signs HS256 HS384 HS512",
        ),
    ] {
        assert_eq!(signs(secret(length), more).unwrap_err().message(), message);
    }
    for (length, more) in [(32, &[][..]), (64, &[("signing_algorithm", "HS512")])] {
        signs(secret(length), more).unwrap();
    }
}

#[test]
fn each_file_of_a_credential_is_read_from_the_start() {
    let missing = |options: &[(&str, &str)]| rejected(&[&REQUIRED[..1], options].concat());
    let unreadable = |name: &str| format!("option {name}: /nowhere/{name}: it cannot be read (No such file");
    let (jwt, exchange) = (
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
    );
    for (name, more) in [
        ("signing_key_file", &REQUIRED[1..2]),
        ("client_assertion_file", &[]),
        ("assertion_file", &[jwt]),
        ("subject_token_file", &[exchange]),
        ("refresh_token_file", &[REQUIRED[1], REQUIRED[2], ("grant_type", "refresh_token")]),
    ] {
        let path = format!("/nowhere/{name}");
        let message = missing(&[more, &[(name, &path)]].concat());
        assert!(message.starts_with(&unreadable(name)), "{message}");
    }
    let all = missing(&[
        exchange,
        ("signing_key_file", "/nowhere/signing_key_file"),
        ("signing_cert_file", "/nowhere/signing_cert_file"),
        ("subject_token_file", "/nowhere/subject_token_file"),
        ("ca", "auto"),
        ("ca_file", "/ca"),
    ]);
    let names = ["signing_key_file", "signing_cert_file", "subject_token_file"];
    for part in names.map(unreadable).iter().map(String::as_str).chain(["client_id is not set", "ca and ca_file"]) {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[test]
fn a_key_that_cannot_sign_is_named_with_its_file() {
    for (name, wrong) in [
        (
            "p521.pem",
            "its curve is P-521 (ES512), which this library cannot sign with: make a P-256, P-384 or Ed25519 key",
        ),
        ("rsa-1024.pem", "it has 1024 bits: make one of 2048 to 4096"),
        ("public-key.pem", "it holds a public key and no private key"),
        ("p256-certificate.pem", "it holds a certificate and no private key"),
        ("certificate-request.pem", "it holds a certificate request and no private key"),
        ("openssh.pem", "it is an OpenSSH key: write it again with ssh-keygen -p -m PKCS8"),
        ("README.md", "it is neither PEM nor JSON: convert it with openssl pkey"),
    ] {
        let path = key(name);
        let message = rejected(&[REQUIRED[0], REQUIRED[1], ("signing_key_file", &path)]);
        assert_eq!(message, format!("option signing_key_file: {path}: {wrong}"));
    }
    let set = std::env::temp_dir().join(format!("tks-config-set-{}", std::process::id()));
    let members = ["p256.jwk.json", "p384.jwk.json"].map(|name| std::fs::read_to_string(key(name)).unwrap());
    let [p256, p384] = members.map(|member| {
        let mut member: serde_json::Value = serde_json::from_str(&member).unwrap();
        let id = if member["crv"] == "P-256" { "es256-1" } else { "es384-1" };
        member["kid"] = id.into();
        member
    });
    std::fs::write(&set, serde_json::json!({ "keys": [p256, p384] }).to_string()).unwrap();
    let path = set.to_str().unwrap();
    let options = [REQUIRED[0], REQUIRED[1], ("signing_key_file", path)];
    let of_id = |id| config(&[&options[..], &[("signing_key_id", id)]].concat()).settings(&|_| None);
    let prefix = format!("option signing_key_file: {path}: ");
    let several = "it holds several keys: set signing_key_id to one of es256-1, es384-1";
    assert_eq!(rejected(&options), [&*prefix, several].concat());
    let none = "it holds no key es512-1: it has es256-1, es384-1";
    assert_eq!(of_id("es512-1").unwrap_err().message(), [&*prefix, none].concat());
    let key = of_id("es384-1").unwrap().credentials.read().1.unwrap().key.unwrap();
    assert_eq!(key.algorithm(None, "signing_key_file").unwrap().word(), "ES384");
    std::fs::remove_file(path).unwrap();
}
