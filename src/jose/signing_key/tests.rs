use super::*;
use crate::{
    error::ErrorKind,
    jose::tests::{file, holds, key},
};
use SigningAlgorithm as A;

const MESSAGE: &[u8] = b"header.claims";

/// Returns why a text is refused.
fn refusal_of(text: &str) -> String {
    SigningKey::read(text, None, None).expect_err("a refusal")
}

fn refusal(name: &str) -> String {
    refusal_of(&file(name))
}

fn kind_and_default(key: &SigningKey) -> (&'static str, SigningAlgorithm) {
    (key.pair.kind(), key.algorithm(None, "signing_key_file").unwrap())
}

/// Returns a JWK of the tests with other members: None removes one.
fn jwk(name: &str, changes: &[(&str, Option<serde_json::Value>)]) -> String {
    let mut jwk: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&file(&format!("{name}.jwk.json"))).unwrap();
    for (name, value) in changes {
        match value {
            Some(value) => jwk.insert((*name).to_owned(), value.clone()),
            None => jwk.remove(*name),
        };
    }
    serde_json::to_string(&jwk).unwrap()
}

fn with_kid(name: &str, kid: &str) -> String {
    jwk(name, &[("kid", Some(kid.into()))])
}

fn set(keys: &[String]) -> String {
    format!("{{\"keys\":[{}]}}", keys.join(","))
}

#[test]
fn each_kind_of_key_is_read_and_signs() {
    for (name, kind, default) in [
        ("rsa-2048.pem", "an RSA key", A::Rs256),
        ("rsa-2048-pkcs1.pem", "an RSA key", A::Rs256),
        ("rsa-4096.pem", "an RSA key", A::Rs256),
        ("rsa-2048.jwk.json", "an RSA key", A::Rs256),
        ("service-account.json", "an RSA key", A::Rs256),
        ("p256.pem", "a P-256 key", A::Es256),
        ("p256-sec1.pem", "a P-256 key", A::Es256),
        ("p256.jwk.json", "a P-256 key", A::Es256),
        ("p384.pem", "a P-384 key", A::Es384),
        ("p384-sec1.pem", "a P-384 key", A::Es384),
        ("p384.jwk.json", "a P-384 key", A::Es384),
        ("ed25519.pem", "an Ed25519 key", A::EdDsa),
        ("ed25519-with-public.pem", "an Ed25519 key", A::EdDsa),
        ("ed25519.jwk.json", "an Ed25519 key", A::EdDsa),
    ] {
        let key = key(name);
        assert_eq!(kind_and_default(&key), (kind, default), "{name}");
        for algorithm in key.pair.algorithms() {
            let signature = key.sign(*algorithm, MESSAGE).unwrap();
            assert!(holds(&key, *algorithm, MESSAGE, &signature), "{name} {algorithm:?}");
            assert!(!holds(&key, *algorithm, b"another message", &signature), "{name} {algorithm:?}");
        }
        assert_eq!(key.wants_key_id(), kind != "an Ed25519 key");
    }
}

#[test]
fn one_key_in_each_form_is_the_same_key() {
    for forms in [
        &["rsa-2048.pem", "rsa-2048-pkcs1.pem", "rsa-2048.jwk.json", "service-account.json"][..],
        &["p256.pem", "p256-sec1.pem", "p256.jwk.json"],
        &["p384.pem", "p384-sec1.pem", "p384.jwk.json"],
        &["ed25519.pem", "ed25519-with-public.pem", "ed25519.jwk.json"],
    ] {
        let first = key(forms[0]);
        for other in &forms[1..] {
            let other = key(other);
            assert_eq!(other.public_key(), first.public_key());
            let algorithm = other.algorithm(None, "").unwrap();
            assert!(holds(&first, algorithm, MESSAGE, &other.sign(algorithm, MESSAGE).unwrap()));
        }
    }
}

#[test]
fn a_key_is_found_next_to_a_certificate_and_behind_other_text() {
    let (key, certificate) = (file("p256.pem"), file("p256-certificate.pem"));
    let one_line = key.trim_end().replace('\n', "\\n");
    for text in [
        format!("{key}{certificate}"),
        format!("{certificate}{key}"),
        format!("Bag Attributes\n  friendlyName: ENCRYPTED\n{key}"),
        format!("\n \t\r\n{key}"),
        key.replace('\n', "\r\n"),
        one_line.clone(),
        one_line + "\\n",
    ] {
        let read = SigningKey::read(&text, None, None).unwrap_or_else(|wrong| panic!("{wrong}: {text}"));
        assert_eq!(read.public_key(), super::super::tests::key("p256.pem").public_key());
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused_by_name() {
    let other_kind = "it is a key of another kind: make an RSA (2048 to 4096 bits), P-256, P-384 or Ed25519 key";
    let curve = |name: &str| {
        format!("its curve is {name}, which this library cannot sign with: make a P-256, P-384 or Ed25519 key")
    };
    for (name, wrong) in [
        ("p521.pem", curve("P-521 (ES512)")),
        ("p521.jwk.json", curve("P-521 (ES512)")),
        ("secp256k1.pem", curve("secp256k1 (ES256K)")),
        ("ed448.pem", curve("Ed448")),
        ("x25519.pem", curve("X25519")),
        ("rsa-1024.pem", "it has 1024 bits: make one of 2048 to 4096".into()),
        ("rsa-5120.pem", "it has 5120 bits: make one of 2048 to 4096".into()),
        (
            "rsa-2560.pem",
            "it has 2560 bits, which this library cannot sign with: make one of 2048, 3072 or 4096".into(),
        ),
        ("rsa-exponent-3.pem", "its exponent is 3: make a key with the exponent 65537".into()),
        ("rsa-three-primes.pem", "it has more than two primes: make a key with two".into()),
        (
            "rsa-pss.pem",
            "its kind is id-RSASSA-PSS, which this library cannot sign with: make a key of the kind rsaEncryption, \
             which signs PS256 too"
                .into(),
        ),
        ("dsa.pem", other_kind.into()),
        (
            "p256-explicit.pem",
            "its curve is written as numbers and has no name: write it again with openssl ec -in OLD -out NEW \
             -param_enc named_curve"
                .into(),
        ),
    ] {
        assert_eq!(refusal(name), wrong, "{name}");
    }
    assert_eq!(refusal_of(&file("dsa.pem").replace("PRIVATE", "DSA PRIVATE")), other_kind);
}

#[test]
fn a_curve_without_its_public_key_is_refused_with_the_command_that_adds_it() {
    for name in ["p256-no-public.pem", "p256-no-public-sec1.pem"] {
        assert_eq!(refusal(name), "it lacks its public key: write it again with openssl ec -in OLD -out NEW");
    }
    assert_eq!(
        refusal("p256-compressed.pem"),
        "it lacks its public key in uncompressed form: write it again with openssl ec -in OLD -out NEW -conv_form \
         uncompressed"
    );
}

#[test]
fn a_text_without_one_private_key_is_refused() {
    for (name, wrong) in [
        ("public-key.pem", "it holds a public key and no private key"),
        ("p256-certificate.pem", "it holds a certificate and no private key"),
        ("certificate-request.pem", "it holds a certificate request and no private key"),
        ("openssh.pem", "it is an OpenSSH key: write it again with ssh-keygen -p -m PKCS8"),
        ("encrypted.pem", "it is encrypted, and there is no option for a passphrase: decrypt it with `openssl pkey`"),
        (
            "encrypted-pkcs1.pem",
            "it is encrypted, and there is no option for a passphrase: decrypt it with `openssl pkey`",
        ),
    ] {
        assert_eq!(refusal(name), wrong, "{name}");
    }
    let key = file("p256.pem");
    assert_eq!(refusal_of(&format!("{key}{}", file("rsa-2048.pem"))), "it holds two private keys: keep only one");
    assert_eq!(refusal_of(&key.repeat(3)), "it holds several private keys: keep only one");
    let crl = "-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----\n";
    assert_eq!(refusal_of(crl), "it holds no private key: it must be PEM, with a line that says BEGIN PRIVATE KEY");
    for text in ["", "hunter2", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "0\u{82}", "[]", "PuTTY-User-Key-File-3: ssh-rsa"] {
        assert_eq!(refusal_of(text), NEITHER_PEM_NOR_JSON, "{text}");
    }
    assert_eq!(refusal_of(&format!("\u{feff}{key}")), "it begins with a byte order mark: save it without one");
}

#[test]
fn broken_pem_is_refused() {
    let key = file("p256.pem");
    let (half, _) = key.split_at(key.len() / 2);
    let one_line = key.replace('\n', " ");
    let indented = format!("  {}", key.replace('\n', "\n  "));
    let other_der = "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n";
    let as_pkcs1 = key.replace("PRIVATE", "RSA PRIVATE");
    let as_sec1 = key.replace("PRIVATE", "EC PRIVATE");
    let longer = key.replace("-----END", "AAAA\n-----END");
    for text in [half, &one_line, &indented, other_der, &as_pkcs1, &as_sec1, &longer, " x -----BEGIN PRIVATE KEY-----"]
    {
        assert_eq!(refusal_of(text), "it is broken PEM: copy it again or replace it", "{text}");
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let wrong = "its parts do not fit together: copy it again, or make a new key";
    let other = jwk("p384", &[]);
    let other: serde_json::Value = serde_json::from_str(&other).unwrap();
    assert_eq!(refusal_of(&jwk("p256", &[("d", Some(vec!["A"; 42].concat().into()))])), wrong);
    assert_eq!(refusal_of(&jwk("p256", &[("d", Some(other["d"].clone()))])), wrong);
    assert_eq!(refusal_of(&jwk("p256", &[("x", Some(other["x"].clone()))])), "its x is too long: copy it again");
    assert_eq!(refusal_of(&jwk("ed25519", &[("x", Some(vec!["A"; 43].concat().into()))])), wrong);
    assert_eq!(refusal_of(&jwk("ed25519", &[("d", Some("AQID".into()))])), wrong);
    let rsa: serde_json::Value = serde_json::from_str(&jwk("rsa-2048", &[])).unwrap();
    assert_eq!(refusal_of(&jwk("rsa-2048", &[("p", Some(rsa["q"].clone()))])), wrong);
    // ring sees this only when it signs.
    let late = SigningKey::read(&jwk("rsa-2048", &[("dp", Some(rsa["dq"].clone()))]), None, None).unwrap();
    for algorithm in [A::Rs256, A::Ps256] {
        let error = late.sign(algorithm, MESSAGE).unwrap_err();
        let message = format!("the signing key cannot sign: {wrong}");
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidConfig, message.as_str()));
    }
}

#[test]
fn a_jwk_says_its_id_and_its_algorithm_and_the_options_go_before_them() {
    let text = jwk("rsa-2048", &[("kid", Some("own".into())), ("alg", Some("PS384".into()))]);
    let own = SigningKey::read(&text, None, None).unwrap();
    assert_eq!((own.key_id(), own.algorithm(None, "")), (Some("own"), Ok(A::Ps384)));
    let options = SigningKey::read(&text, Some("mine"), Some(A::Rs512)).unwrap();
    assert_eq!((options.key_id(), options.algorithm(Some(A::Rs512), "")), (Some("mine"), Ok(A::Rs512)));
    assert_eq!(key("p256.pem").key_id(), None);
    assert_eq!(SigningKey::read(&file("p256.pem"), Some("mine"), None).unwrap().key_id(), Some("mine"));
    assert_eq!(format!("{own:?}"), "SigningKey { kind: \"an RSA key\", id: Some(\"own\"), .. }");
}

#[test]
fn an_algorithm_of_a_jwk_that_cannot_be_used_is_refused_unless_the_option_replaces_it() {
    for (name, alg, wrong) in [
        ("rsa-2048", "RSA-OAEP", "its alg is RSA-OAEP, which this library cannot sign with: set signing_algorithm"),
        ("p256", "ECDH-ES", "its alg is ECDH-ES, which this library cannot sign with: set signing_algorithm"),
        ("p256", "none", "its alg is none, which this library cannot sign with: set signing_algorithm"),
        ("p256", "RS256", "its alg is RS256, and it is a P-256 key, which signs ES256: set signing_algorithm"),
        ("p256", "HS256", "its alg is HS256, and it is a P-256 key, which signs ES256: set signing_algorithm"),
    ] {
        let text = jwk(name, &[("alg", Some(alg.into()))]);
        assert_eq!(refusal_of(&text), wrong);
        let wanted = key(&format!("{name}.jwk.json")).algorithm(None, "").unwrap();
        assert!(SigningKey::read(&text, None, Some(wanted)).is_ok());
    }
}

#[test]
fn a_jwk_that_is_no_private_key_for_signatures_is_refused() {
    for (text, wrong) in [
        (jwk("p256", &[("d", None)]), "it holds a public key and no private key"),
        (jwk("rsa-2048", &[("d", None)]), "it holds a public key and no private key"),
        (
            jwk("p256", &[("use", Some("enc".into()))]),
            "its use is enc, and this library signs: choose a key whose use is sig",
        ),
        (
            r#"{"kty":"oct","k":"aHVudGVyMg"}"#.into(),
            "it is a shared secret: set client_secret and auth_method=client_secret_jwt",
        ),
        (
            jwk("rsa-2048", &[("p", None), ("q", None), ("dp", None), ("dq", None), ("qi", None)]),
            "it lacks p, q, dp, dq, qi: n, e and d alone are not enough",
        ),
        (jwk("rsa-2048", &[("qi", None)]), "it lacks qi: n, e and d alone are not enough"),
        (
            jwk("rsa-2048", &[("oth", Some(serde_json::json!([{}])))]),
            "it has more than two primes: make a key with two",
        ),
        (jwk("rsa-2048", &[("n", None)]), "it lacks n: copy it again"),
        (jwk("rsa-2048", &[("n", Some("*".into()))]), "its n is not Base64url: copy it again"),
        (jwk("rsa-2048", &[("n", Some("".into()))]), "it has 0 bits: make one of 2048 to 4096"),
        (jwk("p256", &[("x", None)]), "it lacks x: copy it again"),
        (jwk("p256", &[("crv", None)]), "it lacks crv: copy it again"),
        (
            jwk("ed25519", &[("crv", Some("Ed448".into()))]),
            "its curve is Ed448, which this library cannot sign with: make a P-256, P-384 or Ed25519 key",
        ),
        (
            jwk("p256", &[("kty", Some("AKP".into()))]),
            "it is a key of another kind: make an RSA (2048 to 4096 bits), P-256, P-384 or Ed25519 key",
        ),
        ("{}".into(), "it is JSON, but no JWK, no JWK Set and no key of a Google service account"),
        ("{\"kty\":".into(), "it is broken JSON at line 1, column 7: copy it again"),
        (r#"{"kty":"EC","d":"a","d":"b"}"#.into(), "its JSON has a member twice, with two values: keep only one"),
    ] {
        assert_eq!(refusal_of(&text), wrong, "{text}");
    }
    assert!(SigningKey::read(&jwk("p256", &[("use", Some("sig".into()))]), None, None).is_ok());
    // Padding, and numbers with zeros in front of them.
    let padded = |name: &str, member: &str| {
        let value: serde_json::Value = serde_json::from_str(&jwk(name, &[])).unwrap();
        jwk(name, &[(member, Some(format!("{}=", value[member].as_str().unwrap()).into()))])
    };
    assert!(SigningKey::read(&padded("p256", "d"), None, None).is_ok());
    let value: serde_json::Value = serde_json::from_str(&jwk("rsa-2048", &[])).unwrap();
    // Four characters are three bytes.
    let zeros = format!("AAAA{}", value["n"].as_str().unwrap());
    assert!(SigningKey::read(&jwk("rsa-2048", &[("n", Some(zeros.into()))]), None, None).is_ok());
}

#[test]
fn the_key_of_a_set_is_the_one_that_the_id_names_or_the_only_private_one() {
    let (one, other) = (with_kid("p256", "es256-1"), with_kid("p384", "es384-1"));
    let public = jwk("rsa-2048", &[("d", None), ("kid", Some("public".into()))]);
    let encrypts = jwk("rsa-2048", &[("use", Some("enc".into())), ("kid", Some("enc".into()))]);
    let both = set(&[one.clone(), other.clone(), public.clone(), encrypts.clone()]);
    let read = |text: &str, id: Option<&str>| {
        SigningKey::read(text, id, None).map(|key| (key.pair.kind(), key.key_id().unwrap().to_owned()))
    };
    assert_eq!(read(&both, Some("es256-1")), Ok(("a P-256 key", "es256-1".into())));
    assert_eq!(read(&both, Some("es384-1")), Ok(("a P-384 key", "es384-1".into())));
    assert_eq!(
        read(&set(&[public.clone(), other.clone(), encrypts.clone()]), None),
        Ok(("a P-384 key", "es384-1".into()))
    );
    for (text, id, wrong) in [
        (&both, None, "it holds several keys: set signing_key_id to one of es256-1, es384-1"),
        (&both, Some("es512-1"), "it holds no key es512-1: it has es256-1, es384-1"),
        (&both, Some("public"), "it holds no key public: it has es256-1, es384-1"),
        (&set(&[jwk("p256", &[]), jwk("p384", &[])]), None, "it holds several keys, and none has a kid: keep only one"),
        (&set(&[jwk("p256", &[])]), Some("a"), "it holds no key a: its keys have no kid"),
        (&set(&[public, encrypts]), None, "it is a JWK Set, and holds no private key for signatures"),
        (&set(&[]), None, "it is a JWK Set, and holds no private key for signatures"),
        (&"{\"keys\":{}}".to_owned(), None, "its member keys is not a list: copy it again"),
        (&set(&["1".into()]), None, "it is JSON, but no object: copy it again"),
    ] {
        assert_eq!(read(text, id).unwrap_err(), wrong);
    }
}

#[test]
fn a_message_names_at_most_ten_keys() {
    let many: Vec<_> = (1..=10).map(|nth| with_kid("ed25519", &format!("k{nth}"))).collect();
    let ten = "k1, k2, k3, k4, k5, k6, k7, k8, k9, k10";
    assert_eq!(refusal_of(&set(&many)), format!("it holds several keys: set signing_key_id to one of {ten}"));
    let many = [many, vec![with_kid("ed25519", "k11")]].concat();
    assert_eq!(refusal_of(&set(&many)), format!("it holds several keys: set signing_key_id to one of {ten}, …"));
    let long = set(&[with_kid("p256", &"k\n".repeat(100)), with_kid("p384", "b")]);
    assert!(refusal_of(&long).len() < 200 && !refusal_of(&long).contains('\n'));
}

#[test]
fn keys_of_one_id_are_told_apart_by_the_algorithm() {
    let same =
        set(&[with_kid("p256", "k"), with_kid("p384", "k"), with_kid("p521", "k"), with_kid("ed25519", "other")]);
    let read = |algorithm| SigningKey::read(&same, Some("k"), algorithm).map(|key| key.pair.kind());
    assert_eq!(read(Some(A::Es256)), Ok("a P-256 key"));
    assert_eq!(read(Some(A::Es384)), Ok("a P-384 key"));
    assert_eq!(read(None).unwrap_err(), "it holds several keys k: set signing_algorithm, or keep only one");
    assert_eq!(read(Some(A::Rs256)).unwrap_err(), "none of its keys k signs RS256");
    let twice = set(&[with_kid("p256", "k"), with_kid("p256", "k")]);
    let wrong = SigningKey::read(&twice, Some("k"), Some(A::Es256)).unwrap_err();
    assert_eq!(wrong, "several of its keys k sign ES256: keep only one");
}

#[test]
fn a_service_account_brings_its_id_and_its_address() {
    let text = file("service-account.json");
    let key = SigningKey::read(&text, None, None).unwrap();
    assert_eq!(key.key_id(), Some("0123456789abcdef"));
    assert_eq!(key.client_email(), Some("robot@p.iam.gserviceaccount.com"));
    assert_eq!(SigningKey::read(&text, Some("mine"), None).unwrap().key_id(), Some("mine"));
    assert_eq!(
        refusal_of(&text.replace("service_account", "authorized_user")),
        "it is no key of a Google service account, whose type is service_account: create one"
    );
    assert_eq!(refusal_of(&text.replace("\"private_key\"", "\"key\"")), "it lacks private_key: download the key again");
    assert_eq!(refusal_of(&text.replace("-----BEGIN ", "")), "its private_key is not PEM: download the key again");
    let public = serde_json::Value::from(file("public-key.pem")).to_string();
    assert_eq!(
        refusal_of(&format!("{{\"type\":\"service_account\",\"private_key\":{public}}}")),
        "it holds a public key and no private key"
    );
}

#[test]
fn the_algorithm_must_fit_the_key() {
    for (name, wanted, wrong) in [
        (
            "rsa-2048.pem",
            A::Es256,
            "signing_algorithm=ES256 does not fit: signing_key_file holds an RSA key, which signs \
                                    RS256 RS384 RS512 PS256 PS384 PS512",
        ),
        (
            "p256.pem",
            A::Es384,
            "signing_algorithm=ES384 does not fit: signing_key_file holds a P-256 key, which signs ES256",
        ),
        (
            "ed25519.pem",
            A::Hs256,
            "signing_algorithm=HS256 does not fit: signing_key_file holds an Ed25519 key, which signs \
                                   EdDSA Ed25519",
        ),
    ] {
        assert_eq!(key(name).algorithm(Some(wanted), "signing_key_file").unwrap_err(), wrong);
    }
    let secret = SigningKey::of_secret(&Secret::new("x".repeat(64)), None);
    assert_eq!(
        secret.algorithm(Some(A::Rs256), "client_secret").unwrap_err(),
        "signing_algorithm=RS256 does not fit: client_secret is a shared secret, which signs HS256 HS384 HS512"
    );
    let error = key("p256.pem").sign(A::Rs256, MESSAGE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn a_secret_must_be_as_long_as_the_hash() {
    let algorithm = |length: usize, wanted| {
        SigningKey::of_secret(&Secret::new("é".repeat(length / 2) + &"x".repeat(length % 2)), None)
            .algorithm(wanted, "client_secret")
    };
    for (length, wanted, wrong) in [
        (31, None, "HS256 needs a secret of 32 bytes; this one has 31: the server must issue a longer one"),
        (31, Some(A::Hs512), "HS512 needs a secret of 64 bytes; this one has 31: the server must issue a longer one"),
        (32, Some(A::Hs512), "HS512 needs a secret of 64 bytes; this one has 32: set signing_algorithm=HS256"),
        (32, Some(A::Hs384), "HS384 needs a secret of 48 bytes; this one has 32: set signing_algorithm=HS256"),
        (63, Some(A::Hs512), "HS512 needs a secret of 64 bytes; this one has 63: set signing_algorithm=HS384"),
        (0, None, "HS256 needs a secret of 32 bytes; this one has 0: the server must issue a longer one"),
    ] {
        assert_eq!(algorithm(length, wanted).unwrap_err(), wrong);
    }
    assert_eq!(algorithm(32, None), Ok(A::Hs256));
    assert_eq!(algorithm(48, Some(A::Hs384)), Ok(A::Hs384));
    assert_eq!(algorithm(64, Some(A::Hs512)), Ok(A::Hs512));
    let named = SigningKey::of_secret(&Secret::new(""), Some("k"));
    assert!(named.key_id() == Some("k") && !named.wants_key_id() && named.public_key().is_none());
}

#[test]
fn no_refusal_and_no_debug_text_quotes_a_key() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
    for path in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&path).unwrap();
        let shown = match SigningKey::read(&text, None, None) {
            Ok(key) => format!("{key:?}"),
            Err(wrong) => wrong,
        };
        for line in text.split(['\n', '"']).filter(|line| line.len() > 20) {
            assert!(!shown.contains(line), "{shown}");
        }
    }
}

/// RSA with 4096 bits is the largest signature, and inline refresh runs on the thread of the caller.
#[test]
fn signing_needs_little_stack() {
    for name in ["rsa-4096.pem", "p384.pem", "p384.jwk.json", "ed25519.pem"] {
        let text = file(name);
        let sign = move || {
            let key = SigningKey::read(&text, None, None).unwrap();
            let algorithm = key.algorithm(None, "").unwrap();
            key.sign(algorithm, MESSAGE).unwrap().len()
        };
        let thread = std::thread::Builder::new().stack_size(128 << 10).spawn(sign).unwrap();
        assert!(thread.join().unwrap() >= 64, "{name}");
    }
}

/// A number that begins with zeros must keep its full length (RFC 7518 §3.4).
#[test]
fn a_thousand_signatures_of_each_curve_hold_also_with_short_numbers() {
    for (name, algorithm, length) in [("p256.pem", A::Es256, 32), ("p384.pem", A::Es384, 48)] {
        let key = key(name);
        let mut short = [0, 0];
        for nth in 0..1000_u32 {
            let message = nth.to_be_bytes();
            let signature = key.sign(algorithm, &message).unwrap();
            assert_eq!(signature.len(), 2 * length);
            assert!(holds(&key, algorithm, &message, &signature));
            for (part, short) in signature.chunks(length).zip(&mut short) {
                *short += u32::from(part[0] == 0);
            }
        }
        // About one in 256. That none of a thousand is short has a chance of two percent.
        let mut nth = 1000_u32;
        while short.contains(&0) {
            let message = nth.to_be_bytes();
            let signature = key.sign(algorithm, &message).unwrap();
            assert!(holds(&key, algorithm, &message, &signature));
            for (part, short) in signature.chunks(length).zip(&mut short) {
                *short += u32::from(part[0] == 0);
            }
            nth += 1;
        }
    }
}
