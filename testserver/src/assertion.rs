//! Verifies the signed assertions of a request (RFC 7523): `client_assertion`, and `assertion` of the jwt-bearer grant.
//!
//! Pure: it takes the time and the identifiers seen before. It must share no code with the library that it tests.

use crate::{client_key::ClientKey, http::Request, response::Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{hmac, signature};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// The assertions that a server accepts. It refuses every request that has none.
///
/// `iss` must be the `client_id` of the server, and `sub` of a client assertion too. HS256, HS384 and HS512 are verified with
/// its `client_secret`.
#[derive(Clone, Debug, Default)]
pub struct Assertions {
    /// The client's public keys as JWKs (RFC 7517). Private members are not read.
    pub keys: Vec<Value>,
    /// The accepted values of `aud`. If there is none, `aud` must be the URL of the request.
    pub audiences: Vec<String>,
}

/// What the server knows when a request arrives.
pub(crate) struct Moment<'a> {
    /// Client id and client secret.
    pub(crate) client: (&'a str, &'a str),
    /// `https`, or `http`.
    pub(crate) scheme: &'a str,
    /// Unix seconds of the server's clock.
    pub(crate) now: i64,
}

/// The identifiers (`jti`) of accepted assertions, each with the end of its assertion.
#[derive(Debug, Default)]
pub(crate) struct Identifiers(HashMap<String, i64>);

const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How far two clocks may differ, in seconds: as FAPI 2.0 and Auth0 allow.
const LEEWAY: i64 = 10;
/// The longest lifetime of an assertion, in seconds.
const MAX_LIFETIME: i64 = 3600;
const MAX_IDENTIFIERS: usize = 1 << 16;

impl Assertions {
    /// Returns the settings of a server at which the client has registered this key.
    pub fn by(key: &ClientKey) -> Self {
        Self { keys: vec![key.jwk.clone()], audiences: Vec::new() }
    }

    /// Returns the error for a request; None if its assertions are accepted.
    pub(crate) fn rejection(&self, request: &Request, moment: &Moment, seen: &mut Identifiers) -> Option<Response> {
        let parameters = request.parameters();
        let parameter = |name: &str| parameters.get(name).map_or("", String::as_str);
        let url = format!("{}://{}{}", moment.scheme, request.header("host"), request.path);
        let is_grant = parameter("grant_type") == JWT_BEARER;
        if is_grant && let Err(why) = self.verify(parameter("assertion"), &url, false, moment, seen) {
            return Some(refused("invalid_grant", why));
        }
        if is_grant && parameter("client_assertion").is_empty() {
            return None;
        }
        let verified = if parameter("client_assertion_type") != CLIENT_ASSERTION {
            Err("client_assertion_type is wrong".into())
        } else if !["", moment.client.0].contains(&parameter("client_id")) {
            Err("client_id is unknown".into())
        } else {
            self.verify(parameter("client_assertion"), &url, true, moment, seen)
        };
        Some(refused("invalid_client", verified.err()?))
    }

    /// Checks one assertion. The error says what is wrong.
    fn verify(
        &self,
        jws: &str,
        url: &str,
        of_client: bool,
        moment: &Moment,
        seen: &mut Identifiers,
    ) -> Result<(), String> {
        let parts: Vec<&str> = jws.split('.').collect();
        let [header, payload, signature] = parts[..] else { return Err("it has no three parts".into()) };
        let signed = &jws.as_bytes()[..header.len() + 1 + payload.len()];
        let header = object(header).ok_or("its header is no JSON object")?;
        let claims = object(payload).ok_or("its claims are no JSON object")?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| "its signature is no base64url")?;
        if !self.is_signed(&header, signed, &signature, moment.client.1) {
            return Err("its signature is wrong".into());
        }

        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let seconds = |name: &str| claims.get(name).and_then(Value::as_i64).ok_or(format!("{name} is no whole number"));
        if text("iss") != moment.client.0 || of_client && text("sub") != moment.client.0 {
            return Err("iss or sub is not the client".into());
        }
        // One text, never an array, as Keycloak wants it.
        let accepted = if self.audiences.is_empty() { &[url.to_owned()] } else { &self.audiences[..] };
        if !accepted.iter().any(|accepted| accepted == text("aud")) {
            return Err("aud is not this server".into());
        }
        let (iat, exp) = (seconds("iat")?, seconds("exp")?);
        if iat > moment.now + LEEWAY {
            return Err("iat is in the future".into());
        }
        if exp < moment.now - LEEWAY {
            return Err("it has expired".into());
        }
        if exp <= iat || exp - iat > MAX_LIFETIME {
            return Err("exp must be within an hour of iat".into());
        }
        let jti = text("jti");
        if !(1..=128).contains(&jti.len()) {
            return Err("jti must have 1 to 128 characters".into());
        }
        if !seen.is_new(jti, exp, moment.now) {
            return Err("jti was seen before".into());
        }
        Ok(())
    }

    fn is_signed(&self, header: &BTreeMap<String, Value>, message: &[u8], signature: &[u8], secret: &str) -> bool {
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let algorithm = text("alg").unwrap_or_default();
        let hash = match algorithm {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            _ => {
                // A kid names a key (RFC 7515 §4.1.4). Without it, any key will do.
                let named = |key: &&Value| match (text("kid"), key["kid"].as_str()) {
                    (Some(wanted), Some(kid)) => wanted == kid,
                    _ => true,
                };
                return self.keys.iter().filter(named).any(|key| is_signed_by(key, algorithm, message, signature));
            }
        };
        hmac::verify(&hmac::Key::new(hash, secret.as_bytes()), message, signature).is_ok()
    }
}

impl Identifiers {
    /// Keeps the identifier until its assertion has expired. Returns false if it is known.
    fn is_new(&mut self, jti: &str, exp: i64, now: i64) -> bool {
        if self.0.len() >= MAX_IDENTIFIERS {
            self.0.retain(|_, exp| *exp >= now - LEEWAY);
        }
        self.0.len() < MAX_IDENTIFIERS && self.0.insert(jti.into(), exp).is_none()
    }
}

fn refused(error: &str, why: String) -> Response {
    Response { error_description: Some(format!("assertion: {why}")), ..Response::oauth_error(error) }
}

fn object(part: &str) -> Option<BTreeMap<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Whether a public key verifies a signature by this algorithm of RFC 7518, RFC 8037 or RFC 9864.
fn is_signed_by(jwk: &Value, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
    let member = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap_or_default()).unwrap_or_default();
    let rsa = match algorithm {
        "RS256" => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Some(&signature::RSA_PSS_2048_8192_SHA256),
        "PS384" => Some(&signature::RSA_PSS_2048_8192_SHA384),
        "PS512" => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    };
    if let Some(rsa) = rsa {
        let key = signature::RsaPublicKeyComponents { n: member("n"), e: member("e") };
        return jwk["kty"] == "RSA" && key.verify(rsa, message, signature).is_ok();
    }
    let (other, key): (&dyn signature::VerificationAlgorithm, _) = match (algorithm, jwk["crv"].as_str()) {
        ("ES256", Some("P-256")) => (&signature::ECDSA_P256_SHA256_FIXED, [vec![4], member("x"), member("y")].concat()),
        ("ES384", Some("P-384")) => (&signature::ECDSA_P384_SHA384_FIXED, [vec![4], member("x"), member("y")].concat()),
        ("EdDSA" | "Ed25519", Some("Ed25519")) => (&signature::ED25519, member("x")),
        _ => return false,
    };
    signature::UnparsedPublicKey::new(other, key).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PSS_SHA256, RsaKeyPair},
    };
    use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
    use serde_json::json;

    const NOW: i64 = 1_700_000_000;
    const URL: &str = "https://h:1/oauth2/token/?a=b";
    const SECRET: &str = "a test-secret of at least sixty-four bytes, as HS512 wants it to be";

    fn encoded(bytes: impl AsRef<[u8]>) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn signed(algorithm: &str, pem: &str, header: Value, claims: &Value) -> String {
        let mut header = header;
        header["alg"] = algorithm.into();
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let random = SystemRandom::new();
        let der = || PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let signature = match algorithm {
            "ES256" => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der().secret_pkcs8_der(), &random);
                key.unwrap().sign(&random, message.as_bytes()).unwrap().as_ref().to_vec()
            }
            "PS256" => {
                let key = RsaKeyPair::from_pkcs8(der().secret_pkcs8_der()).unwrap();
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PSS_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            _ => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, pem.as_bytes()), message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encoded(signature))
    }

    fn claims(jti: &str) -> Value {
        json!({"iss": "me", "sub": "me", "aud": URL, "jti": jti, "iat": NOW, "exp": NOW + 60})
    }

    /// The assertions of a server, and the identifiers that it has seen.
    struct World {
        assertions: Assertions,
        seen: Identifiers,
        key: ClientKey,
    }

    impl World {
        fn new() -> Self {
            let key = ClientKey::p256();
            let assertions = Assertions::by(&key);
            Self { assertions, seen: Identifiers::default(), key }
        }

        /// Returns the code and the description of the error; an empty text without one.
        fn send_at(&mut self, now: i64, parameters: &[(&str, &str)]) -> String {
            let members: serde_json::Map<_, _> = parameters.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            let headers = [("host", "h:1"), ("content-type", "application/json")];
            let request = Request {
                path: "/oauth2/token/?a=b".into(),
                headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
                body: Value::from(members).to_string(),
                ..Request::default()
            };
            let moment = Moment { client: ("me", SECRET), scheme: "https", now };
            let rejection = self.assertions.rejection(&request, &moment, &mut self.seen);
            rejection.map_or_else(String::new, |response| {
                format!("{}: {}", response.error.unwrap(), response.error_description.unwrap())
            })
        }

        fn client_at(&mut self, now: i64, jws: &str) -> String {
            self.send_at(now, &[("client_assertion_type", CLIENT_ASSERTION), ("client_assertion", jws)])
        }

        fn client(&mut self, claims: &Value) -> String {
            let jws = signed("ES256", &self.key.pem, json!({}), claims);
            self.client_at(NOW, &jws)
        }
    }

    #[test]
    fn an_assertion_of_the_client_is_accepted_once() {
        let mut world = World::new();
        assert_eq!(world.client(&claims("1")), "");
        assert_eq!(world.client(&claims("1")), "invalid_client: assertion: jti was seen before");
        assert_eq!(world.client(&claims("2")), "");
    }

    #[test]
    fn every_claim_is_checked() {
        let mut world = World::new();
        for (name, value, says) in [
            ("iss", json!("you"), "iss or sub"),
            ("sub", json!("you"), "iss or sub"),
            ("aud", json!("https://h:1/oauth2/token/"), "aud is not this server"),
            ("aud", json!([URL]), "aud is not this server"),
            ("iat", json!("1700000000"), "iat is no whole number"),
            ("exp", json!(1_700_000_060.5), "exp is no whole number"),
            ("exp", json!(NOW + 3601), "within an hour"),
            ("exp", json!(NOW), "within an hour"),
            ("jti", json!(""), "jti must have"),
            ("jti", Value::Null, "jti must have"),
        ] {
            let mut claims = claims("1");
            claims[name] = value;
            let error = world.client(&claims);
            assert!(error.starts_with("invalid_client: ") && error.contains(says), "{error} instead of {says}");
        }
        world.assertions.audiences = vec!["https://issuer.example".into()];
        assert_eq!(world.client(&claims("1")), "invalid_client: assertion: aud is not this server");
    }

    #[test]
    fn the_clocks_may_differ_by_ten_seconds() {
        let mut world = World::new();
        for (now, expected) in [
            (NOW - 11, "invalid_client: assertion: iat is in the future"),
            (NOW - 10, ""),
            (NOW + 70, ""),
            (NOW + 71, "invalid_client: assertion: it has expired"),
        ] {
            let jws = signed("ES256", &world.key.pem, json!({}), &claims(&now.to_string()));
            assert_eq!(world.client_at(now, &jws), expected, "{}", now - NOW);
        }
    }

    #[test]
    fn a_signature_is_verified_by_the_key_that_kid_names() {
        let mut world = World::new();
        let rsa = ClientKey::rsa();
        world.assertions.keys.push(rsa.jwk.clone());
        world.assertions.keys[1]["kid"] = "r".into();
        assert_eq!(world.client_at(NOW, &signed("PS256", &rsa.pem, json!({"kid": "r"}), &claims("1"))), "");
        assert_eq!(world.client_at(NOW, &signed("PS256", &rsa.pem, json!({}), &claims("2"))), "");
        assert_eq!(world.client_at(NOW, &signed("HS512", SECRET, json!({}), &claims("3"))), "");
        let wrong = "invalid_client: assertion: its signature is wrong";
        assert_eq!(world.client_at(NOW, &signed("PS256", &rsa.pem, json!({"kid": "s"}), &claims("4"))), wrong);
        assert_eq!(world.client_at(NOW, &signed("HS512", "another", json!({}), &claims("5"))), wrong);
        let stranger = signed("ES256", &ClientKey::p256().pem, json!({}), &claims("6"));
        assert_eq!(world.client_at(NOW, &stranger), wrong);
        let other = signed("ES256", &world.key.pem, json!({}), &claims("6"));
        let changed = other.replace(&encoded(claims("6").to_string()), &encoded(claims("7").to_string()));
        assert_eq!(world.client_at(NOW, &changed), wrong);
        assert_eq!(world.client_at(NOW, &signed("none", "", json!({}), &claims("8"))), wrong);
        assert_eq!(world.client_at(NOW, "a.b"), "invalid_client: assertion: it has no three parts");
    }

    #[test]
    fn a_grant_needs_no_subject_and_its_error_is_invalid_grant() {
        let mut world = World::new();
        let mut without = claims("1");
        without.as_object_mut().unwrap().remove("sub");
        let jws = signed("ES256", &world.key.pem, json!({}), &without);
        let grant = [("grant_type", JWT_BEARER), ("assertion", &jws)];
        assert_eq!(world.send_at(NOW, &grant), "");
        assert_eq!(world.send_at(NOW, &grant), "invalid_grant: assertion: jti was seen before");
        let jws = signed("ES256", &world.key.pem, json!({}), &claims("2"));
        let both = [("grant_type", JWT_BEARER), ("assertion", &jws), ("client_assertion", "a.b.c")];
        assert_eq!(world.send_at(NOW, &both), "invalid_client: assertion: client_assertion_type is wrong");
    }

    #[test]
    fn a_request_without_an_assertion_or_of_another_client_is_refused() {
        let mut world = World::new();
        let secret = [("client_id", "me"), ("client_secret", SECRET)];
        assert_eq!(world.send_at(NOW, &secret), "invalid_client: assertion: client_assertion_type is wrong");
        let jws = signed("ES256", &world.key.pem, json!({}), &claims("1"));
        let assertion = [("client_assertion_type", CLIENT_ASSERTION), ("client_assertion", &jws)];
        let of = |id| [&[("client_id", id)], &assertion[..]].concat();
        assert_eq!(world.send_at(NOW, &of("you")), "invalid_client: assertion: client_id is unknown");
        assert_eq!(world.send_at(NOW, &of("me")), "");
    }
}
