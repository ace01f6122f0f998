//! Tests: each credential with each method, each grant, and all that can be wrong with them. No file is read.

use super::*;
use crate::config::options::defaults;

type Options<'a> = &'a [(&'a str, &'a str)];

fn values(options: Options<'_>) -> Values {
    let mut values = Values::default();
    for (name, value) in options {
        values.set(name, Some(value)).unwrap();
    }
    values
}

/// Returns how a client with these options authenticates, its grant, and all that is wrong.
fn looked_at(own: Options<'_>, provider: Options<'_>) -> (Option<Authentication>, GrantParameters, Vec<String>) {
    let effective = values(&[provider, own].concat());
    let own = values(own);
    let grant_type = effective.grant_type.as_deref().unwrap_or(defaults::GRANT_TYPE);
    let together = OptionsTogether { own: &own, effective: &effective, grant_type };
    let mut errors = Vec::new();
    let authentication = together.authentication(&mut errors);
    let grant = together.grant(&mut errors);
    (authentication, grant, errors)
}

fn accepted(own: Options<'_>, provider: Options<'_>) -> Authentication {
    let (authentication, _, errors) = looked_at(own, provider);
    assert!(errors.is_empty(), "{own:?} {provider:?}: {errors:?}");
    authentication.unwrap()
}

fn rejected(own: Options<'_>) -> String {
    let (_, _, errors) = looked_at(own, &[]);
    assert!(!errors.is_empty(), "{own:?}");
    errors.join("; ")
}

const ID: (&str, &str) = ("client_id", "id");
const SECRET: (&str, &str) = ("client_secret", "hunter2");
const SECRET_FILE: (&str, &str) = ("client_secret_file", "/s");
const KEY: (&str, &str) = ("signing_key", "hunter2");
const KEY_FILE: (&str, &str) = ("signing_key_file", "/k");
const ASSERTION: (&str, &str) = ("client_assertion_file", "/a");
const CERTIFICATE: [(&str, &str); 2] = [("client_cert_file", "/c"), ("client_key_file", "/ck")];
const GRANT_ASSERTION: (&str, &str) = ("assertion_file", "/ga");
const SUBJECT_TOKEN: (&str, &str) = ("subject_token_file", "/st");
const REFRESH: (&str, &str) = ("refresh_token_file", "/rt");
const BY_JWT: (&str, &str) = ("grant_type", JWT_BEARER);
const EXCHANGE: (&str, &str) = ("grant_type", TOKEN_EXCHANGE);
const BY_REFRESH: (&str, &str) = ("grant_type", REFRESH_TOKEN);

/// Each credential, with the options that set it.
const CREDENTIALS: [(Credential, Options<'static>); 5] = [
    (Credential::Secret, &[SECRET]),
    (Credential::Key, &[KEY_FILE]),
    (Credential::Assertion, &[ASSERTION]),
    (Credential::Certificate, &CERTIFICATE),
    (Credential::None, &[]),
];

/// Returns whether a method is for a credential.
fn is_for(method: AuthMethod, credential: Credential) -> bool {
    match method {
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::ClientSecretJwt => {
            credential == Credential::Secret
        }
        AuthMethod::PrivateKeyJwt => credential == Credential::Key,
        AuthMethod::ClientAssertion => credential == Credential::Assertion,
        AuthMethod::TlsClientAuth => credential == Credential::Certificate,
        AuthMethod::None => [Credential::None, Credential::Certificate].contains(&credential),
    }
}

#[test]
fn the_method_follows_from_the_credential() {
    use {AuthMethod as M, ClientId::*, SigningPurpose as P};
    for (options, method, client_id, signs) in [
        (&[ID, SECRET][..], M::ClientSecretBasic, Required, None),
        (&[ID, SECRET_FILE], M::ClientSecretBasic, Required, None),
        (&[ID, ("client_secret", "")], M::ClientSecretBasic, Required, None),
        (&[("client_id_file", "/i"), SECRET], M::ClientSecretBasic, Required, None),
        (&[ID, KEY], M::PrivateKeyJwt, Required, Some(P::ClientAssertion)),
        (&[ID, KEY_FILE], M::PrivateKeyJwt, Required, Some(P::ClientAssertion)),
        (&[ID, ASSERTION], M::ClientAssertion, SentIfSet, None),
        (&[ASSERTION], M::ClientAssertion, SentIfSet, None),
        (&[ID, CERTIFICATE[0], CERTIFICATE[1]], M::TlsClientAuth, Required, None),
        // A certificate serves the connection next to another credential.
        (&[ID, SECRET, CERTIFICATE[0], CERTIFICATE[1]], M::ClientSecretBasic, Required, None),
        (&[ID, KEY, CERTIFICATE[0], CERTIFICATE[1]], M::PrivateKeyJwt, Required, Some(P::ClientAssertion)),
        (&[ASSERTION, CERTIFICATE[0], CERTIFICATE[1]], M::ClientAssertion, SentIfSet, None),
        // The key signs the grant, unless its assertion comes from elsewhere.
        (&[BY_JWT, KEY], M::None, NotSent, Some(P::Grant)),
        (&[BY_JWT, ID, KEY_FILE], M::None, NotSent, Some(P::Grant)),
        (&[BY_JWT, ID, KEY, SECRET], M::ClientSecretBasic, Required, Some(P::Grant)),
        (&[BY_JWT, KEY, ASSERTION], M::ClientAssertion, SentIfSet, Some(P::Grant)),
        (&[BY_JWT, ID, KEY, CERTIFICATE[0], CERTIFICATE[1]], M::TlsClientAuth, Required, Some(P::Grant)),
        (&[BY_JWT, ID, KEY, GRANT_ASSERTION], M::PrivateKeyJwt, Required, Some(P::ClientAssertion)),
        (&[BY_JWT, ID, KEY, ("param.assertion", "a.b.c")], M::PrivateKeyJwt, Required, Some(P::ClientAssertion)),
        (&[BY_JWT, GRANT_ASSERTION], M::None, NotSent, None),
        (&[BY_JWT, ID, ("param.assertion", "a.b.c")], M::None, NotSent, None),
        (&[BY_JWT, ID, SECRET, GRANT_ASSERTION], M::ClientSecretBasic, Required, None),
        (&[EXCHANGE, SUBJECT_TOKEN], M::None, SentIfSet, None),
        (&[EXCHANGE, ID, ("param.subject_token", "t")], M::None, SentIfSet, None),
        (&[EXCHANGE, ID, SUBJECT_TOKEN, SECRET], M::ClientSecretBasic, Required, None),
        (&[EXCHANGE, ID, SUBJECT_TOKEN, KEY], M::PrivateKeyJwt, Required, Some(P::ClientAssertion)),
        (&[BY_REFRESH, ID, SECRET, REFRESH], M::ClientSecretBasic, Required, None),
        (&[BY_REFRESH, ID, KEY, ("param.refresh_token", "r")], M::PrivateKeyJwt, Required, Some(P::ClientAssertion)),
        // A text that only looks like jwt-bearer is a grant like any other.
        (&[("grant_type", "jwt-bearer"), ID, KEY], M::PrivateKeyJwt, Required, Some(P::ClientAssertion)),
    ] {
        assert_eq!(accepted(options, &[]), Authentication { method, client_id, signs }, "{options:?}");
    }
}

#[test]
fn a_method_of_the_program_counts_if_it_fits_its_credential() {
    for (word, method) in AuthMethod::WORDS {
        for (credential, options) in CREDENTIALS {
            let options = [&[ID, ("auth_method", word)], options].concat();
            if is_for(*method, credential) {
                assert_eq!(accepted(&options, &[]).method, *method);
                continue;
            }
            let message = rejected(&options);
            let needs = match method {
                AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::ClientSecretJwt => {
                    "client_secret or client_secret_file: set one"
                }
                AuthMethod::PrivateKeyJwt => "signing_key or signing_key_file: set one",
                AuthMethod::ClientAssertion => "client_assertion_file: set it",
                AuthMethod::TlsClientAuth => "client_cert_file and client_key_file: set both",
                AuthMethod::None => "",
            };
            let name = match credential {
                Credential::Secret => Some("client_secret"),
                Credential::Key => Some("signing_key_file"),
                Credential::Assertion => Some("client_assertion_file"),
                Credential::Certificate | Credential::None => None,
            };
            let needs = (!needs.is_empty()).then(|| format!("auth_method={word} needs {needs}"));
            let both = name.map(|name| format!("auth_method={word} and {name} are both set: unset one"));
            assert_eq!(message, needs.into_iter().chain(both).collect::<Vec<_>>().join("; "));
        }
    }
}

#[test]
fn a_method_of_a_provider_counts_where_it_fits_and_is_else_as_if_unset() {
    for (word, method) in AuthMethod::WORDS {
        for (credential, options) in CREDENTIALS {
            let options = [&[ID], options].concat();
            let provider = [("auth_method", *word)];
            if credential == Credential::None && *method != AuthMethod::None {
                let (authentication, _, errors) = looked_at(&options, &provider);
                assert_eq!((authentication, errors), (None, vec![NO_CREDENTIAL.to_owned()]), "{word}");
                continue;
            }
            let derived = match credential {
                Credential::Secret => AuthMethod::ClientSecretBasic,
                Credential::Key => AuthMethod::PrivateKeyJwt,
                Credential::Assertion => AuthMethod::ClientAssertion,
                Credential::Certificate => AuthMethod::TlsClientAuth,
                Credential::None => AuthMethod::None,
            };
            let expected = if is_for(*method, credential) { *method } else { derived };
            assert_eq!(accepted(&options, &provider).method, expected, "{word} {options:?}");
        }
    }
    // The program's own goes before it.
    let post = [ID, SECRET, ("auth_method", "client_secret_post")];
    assert_eq!(accepted(&post, &[("auth_method", "client_secret_jwt")]).method, AuthMethod::ClientSecretPost);
    // A key that signs the grant leaves no second signature to a provider's method.
    for word in ["client_secret_jwt", "private_key_jwt"] {
        let method = accepted(&[BY_JWT, ID, SECRET, KEY], &[("auth_method", word)]).method;
        assert_eq!(method, AuthMethod::ClientSecretBasic, "{word}");
    }
    let assertion = [ID, ("param.client_assertion", "a.b.c")];
    assert_eq!(accepted(&assertion, &[("auth_method", "client_assertion")]).method, AuthMethod::ClientAssertion);
}

#[test]
fn a_fitting_none_of_a_provider_is_as_if_written_out() {
    let none = ("auth_method", "none");
    for options in [&[BY_JWT, ID, KEY][..], &[EXCHANGE, ID, SUBJECT_TOKEN], &[ID]] {
        let written = [options, &[none]].concat();
        assert_eq!(accepted(&written, &[]).client_id, ClientId::SentIfSet);
        assert_eq!(accepted(options, &[none]), accepted(&written, &[]));
    }
    assert_eq!(accepted(&[BY_JWT, ID, KEY], &[]).client_id, ClientId::NotSent);
}

#[test]
fn the_id_is_required_where_it_is_sent() {
    const MISSING: &str = "client_id is not set: set it";
    for options in [
        &[SECRET][..],
        &[KEY],
        &CERTIFICATE,
        &[SECRET, ("auth_method", "client_secret_post")],
        &[SECRET, ("auth_method", "client_secret_jwt")],
        &[BY_JWT, KEY, SECRET],
        &[BY_JWT, KEY, CERTIFICATE[0], CERTIFICATE[1], ("auth_method", "tls_client_auth")],
    ] {
        assert_eq!(rejected(options), MISSING, "{options:?}");
    }
    // A certificate that is there for the connection looks like a credential.
    for grant in [[BY_JWT, KEY], [EXCHANGE, SUBJECT_TOKEN]] {
        assert_eq!(
            rejected(&[&grant[..], &CERTIFICATE].concat()),
            "client_id is not set: set it (or auth_method=none, if the certificate is only for the connection)"
        );
        accepted(&[&grant[..], &CERTIFICATE, &[("auth_method", "none")]].concat(), &[]);
    }
    for options in [&[("auth_method", "none")][..], &[ASSERTION], &[BY_JWT, KEY], &[EXCHANGE, SUBJECT_TOKEN]] {
        accepted(options, &[]);
    }
    let both = "client_id and client_id_file are both set: unset one";
    assert_eq!(rejected(&[ID, ("client_id_file", "/i"), SECRET]), both);
}

#[test]
fn a_client_has_at_most_one_credential() {
    let options = [SECRET, SECRET_FILE, KEY, KEY_FILE, ASSERTION];
    for (at, one) in options.iter().enumerate() {
        for other in &options[at + 1..] {
            let expected = format!("{} and {} are both set: unset one", one.0, other.0);
            assert_eq!(rejected(&[ID, *one, *other]), expected);
            assert_eq!(rejected(&[*other, *one, ID]), expected);
        }
    }
    assert_eq!(
        rejected(&[ID, SECRET, KEY, ASSERTION]),
        "client_secret and signing_key are both set: unset one; client_secret and client_assertion_file are both set: \
         unset one"
    );
    // A method does not choose one of two.
    assert_eq!(
        rejected(&[ID, SECRET, KEY, ("auth_method", "private_key_jwt")]),
        "client_secret and signing_key are both set: unset one"
    );
    assert_eq!(rejected(&[BY_JWT, KEY, KEY_FILE]), "signing_key and signing_key_file are both set: unset one");
    // The assertion of the grant comes from elsewhere, so that the key is a credential.
    assert_eq!(
        rejected(&[BY_JWT, ID, KEY, SECRET, GRANT_ASSERTION]),
        "client_secret and signing_key are both set: unset one"
    );
}

#[test]
fn a_client_without_a_credential_says_so() {
    for options in
        [&[ID][..], &[ID, ("grant_type", "password")], &[ID, BY_REFRESH, REFRESH], &[ID, ("grant_type", "none")]]
    {
        assert_eq!(rejected(options), NO_CREDENTIAL);
        accepted(&[options, &[("auth_method", "none")]].concat(), &[]);
    }
    assert_eq!(rejected(&[]), format!("client_id is not set: set it; {NO_CREDENTIAL}"));
    // An assertion as a parameter is a credential only with its method.
    let assertion = [ID, ("param.client_assertion", "a.b.c")];
    assert_eq!(rejected(&assertion), NO_CREDENTIAL);
    accepted(&[&assertion[..], &[("auth_method", "client_assertion")]].concat(), &[]);
    // Half a certificate is reported elsewhere.
    accepted(&[ID, CERTIFICATE[0]], &[]);
}

#[test]
fn one_request_has_one_assertion_that_this_library_signs() {
    for (key, name) in [(KEY, "signing_key"), (KEY_FILE, "signing_key_file")] {
        assert_eq!(
            rejected(&[BY_JWT, ID, key, ("auth_method", "private_key_jwt")]),
            format!(
                "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer has its assertion signed by {name}, and \
                 auth_method=private_key_jwt wants another: set assertion_file, or unset auth_method"
            )
        );
        assert_eq!(
            rejected(&[BY_JWT, ID, key, SECRET, ("auth_method", "client_secret_jwt")]),
            format!(
                "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer has its assertion signed by {name}, and \
                 auth_method=client_secret_jwt wants another: set auth_method=client_secret_post"
            )
        );
    }
    accepted(&[BY_JWT, ID, KEY, SECRET, ("auth_method", "client_secret_post")], &[]);
    accepted(&[BY_JWT, ID, KEY, GRANT_ASSERTION, ("auth_method", "private_key_jwt")], &[]);
    accepted(&[BY_JWT, ID, SECRET, GRANT_ASSERTION, ("auth_method", "client_secret_jwt")], &[]);
}

#[test]
fn a_grant_needs_its_parameter() {
    for (options, needs) in [
        (&[ID, BY_JWT][..], "signing_key_file (this library signs) or assertion_file (another program does): set one"),
        (&[ID, EXCHANGE], "subject_token_file: set it"),
        (&[ID, SECRET, BY_REFRESH], "refresh_token_file: set it"),
    ] {
        let grant_type = options.last().unwrap().1;
        assert_eq!(rejected(options), format!("grant_type={grant_type} needs {needs}"));
    }
    // A member that was unset is none.
    let mut unset = values(&[ID, EXCHANGE]);
    unset.set("param.subject_token", None).unwrap();
    let together = OptionsTogether { own: &unset, effective: &unset, grant_type: TOKEN_EXCHANGE };
    let mut errors = Vec::new();
    together.grant(&mut errors);
    assert_eq!(errors.len(), 1);
}

#[test]
fn a_parameter_needs_its_grant() {
    let types = [("subject_token_type", "urn:a"), ("requested_token_type", "urn:b")];
    for (option, wanted) in [
        (SUBJECT_TOKEN, TOKEN_EXCHANGE),
        (types[0], TOKEN_EXCHANGE),
        (types[1], TOKEN_EXCHANGE),
        (REFRESH, REFRESH_TOKEN),
    ] {
        let name = option.0;
        for (grant, shown) in [
            (None, "client_credentials"),
            (Some(("grant_type", "none")), "none"),
            (Some(("grant_type", "token-exchange")), "token-exchange"),
        ] {
            let options = [&[ID, SECRET, option], grant.as_slice()].concat();
            assert_eq!(
                rejected(&options),
                format!("{name} is set, but grant_type is {shown}: set grant_type={wanted}, or unset it")
            );
        }
    }
    let long = "\u{202e}".repeat(1000);
    let message = rejected(&[ID, SECRET, REFRESH, ("grant_type", &long)]);
    assert!(message.chars().count() < 300 && !message.contains('\u{202e}'), "{message}");
    assert_eq!(
        rejected(&[ID, SECRET, GRANT_ASSERTION]),
        "assertion_file is set without grant_type: set it, for a JWT to urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    for grant_type in ["urn:ietf:params:oauth:grant-type:saml2-bearer", "client_credentials", JWT_BEARER] {
        accepted(&[ID, SECRET, GRANT_ASSERTION, ("grant_type", grant_type)], &[]);
    }
    accepted(&[ID, SECRET, GRANT_ASSERTION], &[("grant_type", JWT_BEARER)]);
    // What a provider says is not used, and no error.
    accepted(&[ID, SECRET], &types);
}

#[test]
fn the_types_of_token_exchange_come_from_options_and_defaults() {
    let types = |own: Options<'_>, provider: Options<'_>| {
        let own = [&[EXCHANGE], own].concat();
        let (_, grant, errors) = looked_at(&own, provider);
        assert!(errors.is_empty(), "{own:?}: {errors:?}");
        let GrantParameters::TokenExchange { subject_token_type, requested_token_type } = grant else { panic!() };
        [subject_token_type, requested_token_type].map(|text| text.unwrap_or_default()).join(" ")
    };
    let (subject, requested) = (("subject_token_type", "urn:a"), ("requested_token_type", "urn:b"));
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    assert_eq!(types(&[SUBJECT_TOKEN], &[]), format!("{jwt} "));
    assert_eq!(types(&[SUBJECT_TOKEN, subject, requested], &[]), "urn:a urn:b");
    assert_eq!(types(&[("param.subject_token", "t")], &[]), " ");
    assert_eq!(types(&[SUBJECT_TOKEN, ("param.subject_token_type", "urn:c")], &[]), " ");
    assert_eq!(types(&[SUBJECT_TOKEN], &[requested]), format!("{jwt} urn:b"));
    // What a provider says gives way to the program's parameter.
    let params = [("param.subject_token_type", "urn:c"), ("param.requested_token_type", "urn:d")];
    assert_eq!(types(&[SUBJECT_TOKEN, params[0], params[1]], &[subject, requested]), " ");
    for (option, grant) in [
        (BY_JWT, GrantParameters::JwtBearer),
        (BY_REFRESH, GrantParameters::RefreshToken),
        (("grant_type", "password"), GrantParameters::Plain),
        (("grant_type", "none"), GrantParameters::Plain),
    ] {
        assert_eq!(looked_at(&[option], &[]).1, grant);
    }
}

#[test]
fn an_option_and_a_parameter_do_not_both_enter_the_body() {
    let secret_jwt = ("auth_method", "client_secret_jwt");
    for (options, parameter, option) in [
        (&[ASSERTION][..], "client_assertion", "client_assertion_file"),
        (&[ID, KEY], "client_assertion", "signing_key"),
        (&[ID, SECRET_FILE, secret_jwt], "client_assertion", "client_secret_file"),
        (&[ID, SECRET, GRANT_ASSERTION, BY_JWT], "assertion", "assertion_file"),
        (&[SUBJECT_TOKEN, EXCHANGE], "subject_token", "subject_token_file"),
        (&[SUBJECT_TOKEN, EXCHANGE, ("subject_token_type", "urn:a")], "subject_token_type", "subject_token_type"),
        (&[SUBJECT_TOKEN, EXCHANGE, ("requested_token_type", "urn:a")], "requested_token_type", "requested_token_type"),
        (&[ID, SECRET, REFRESH, BY_REFRESH], "refresh_token", "refresh_token_file"),
    ] {
        accepted(options, &[]);
        let param = format!("param.{parameter}");
        let message = rejected(&[options, &[(param.as_str(), "x")]].concat());
        assert_eq!(message, format!("param.{parameter} and {option} are both set: unset one"));
    }
    for (method, credential) in [
        ("client_secret_post", &[SECRET][..]),
        ("client_secret_jwt", &[SECRET]),
        ("private_key_jwt", &[KEY]),
        ("client_assertion", &[ASSERTION]),
        ("tls_client_auth", &CERTIFICATE),
        ("none", &[]),
    ] {
        let options = [&[ID, ("auth_method", method), ("param.client_id", "x")], credential].concat();
        let expected =
            format!("auth_method={method} sends the same parameter as param.client_id: unset param.client_id");
        assert_eq!(rejected(&options), expected);
    }
    // Some servers read them in the body in addition to HTTP Basic.
    accepted(&[ID, SECRET, ("param.client_id", "x"), ("param.client_secret", "x")], &[]);
    // None of these is sent by an option.
    accepted(&[ASSERTION, ("param.client_id", "x"), ("param.client_assertion_type", "urn:a")], &[]);
    accepted(&[BY_JWT, ID, KEY, ("param.client_id", "x")], &[]);
    accepted(
        &[ID, SECRET, ("param.subject_token_type", "x"), ("param.assertion", "x"), ("param.refresh_token", "x")],
        &[],
    );
}

#[test]
fn an_option_for_signing_is_used() {
    let options = [
        ("signing_key_id", "k"),
        ("signing_algorithm", "ES256"),
        ("signing_cert_file", "/c"),
        ("signing_cert_header", "x5c"),
        ("assertion_audience", "a"),
        ("assertion_lifetime", "30"),
        ("assertion_typ", "t"),
        ("claim.a", ""),
        ("claim.iss", "i"),
    ];
    for (name, value) in options {
        let option = (name, value);
        let expected = format!("{name} is set, but nothing is signed: set signing_key_file, or unset it");
        assert_eq!(rejected(&[ID, SECRET, option]), expected);
        assert_eq!(rejected(&[ID, ASSERTION, option]), expected);
        assert_eq!(rejected(&[BY_JWT, GRANT_ASSERTION, option]), expected);
        // The options of a provider need no use, but for those that it must not set.
        accepted(&[ID, SECRET], &[option]);
        if !name.starts_with("signing_cert") {
            accepted(&[ID, KEY, option], &[]);
            accepted(&[BY_JWT, ID, KEY, option], &[]);
            accepted(&[ID, SECRET, option, ("auth_method", "client_secret_jwt")], &[]);
        }
    }
    let claims = ["claim.d", "claim.b", "claim.a", "claim.c"].map(|name| (name, "x"));
    let message = rejected(&[&[ID, SECRET][..], &claims].concat());
    assert_eq!(message.matches("; ").count(), 2);
    assert!(message.starts_with("claim.a ") && message.contains("; claim.c "), "{message}");
    // The issuer may be where the token endpoint is looked up.
    accepted(&[ID, SECRET, ("issuer", "https://h")], &[]);
    let (certificate, header) = (options[2], options[3]);
    accepted(&[ID, KEY, certificate, header], &[]);
    assert_eq!(rejected(&[ID, KEY, header]), "signing_cert_header is set without signing_cert_file: set it");
    accepted(&[ID, KEY], &[header]);
    for (secret, name) in [(SECRET, "client_secret"), (SECRET_FILE, "client_secret_file")] {
        assert_eq!(
            rejected(&[ID, secret, certificate, ("auth_method", "client_secret_jwt")]),
            format!("signing_cert_file is set, but {name} has no certificate: unset it")
        );
    }
    // A key that the program's method does not use is named, and what belongs to it is not.
    assert_eq!(
        rejected(&[ID, KEY, options[0], ("auth_method", "none")]),
        "auth_method=none and signing_key are both set: unset one"
    );
    let mut unset = values(&[ID, SECRET]);
    unset.set("claim.a", None).unwrap();
    let together = OptionsTogether { own: &unset, effective: &unset, grant_type: defaults::GRANT_TYPE };
    let mut errors = Vec::new();
    together.authentication(&mut errors);
    assert_eq!(errors, [""; 0]);
}
