//! Pure: client authentication (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2). Each method has one function, which adds the
//! client's credentials to a request.
//!
//! Apart from the config room, no other file branches on the method. This file reads no other file and no clock, and it must
//! not decide what else a request holds.

use crate::{
    config::{AuthMethod, BasicEncoding, CredentialTexts, Settings},
    error::Error,
    oauth::{
        assertion::{self, Moment, Signer},
        request::{ALL_BUT_UNRESERVED, Draft, Value},
    },
    redact::base64_spellings,
    secret::Secret,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::utf8_percent_encode;
use zeroize::Zeroizing;

/// What `client_assertion` holds (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client authentication method with the credentials of one fetch. A file may change between two fetches.
pub(crate) enum ClientAuth {
    /// `client_secret_basic`: the header Authorization.
    Basic { client_id: String, client_secret: Secret, encoding: BasicEncoding },
    /// `client_secret_post`: two parameters of the body.
    Post { client_id: String, client_secret: Secret },
    /// `client_secret_jwt`: an assertion that the secret signs.
    SecretJwt { client_id: String, client_secret: Secret, signer: Signer },
    /// `private_key_jwt`: an assertion that the key signs.
    PrivateKeyJwt { client_id: String, signer: Signer },
    /// `client_assertion`: the assertion of another program. None is one that the caller sets by `param.client_assertion`.
    Assertion { client_id: Option<String>, assertion: Option<Secret> },
    /// `tls_client_auth`: the certificate of the connection.
    Tls { client_id: String },
    /// `none`.
    None { client_id: Option<String> },
}

impl ClientAuth {
    /// Returns the method of the settings with these credentials. `signer` is Some if it signs client assertions.
    pub(crate) fn new(settings: &Settings, texts: &mut CredentialTexts, signer: Option<Signer>) -> Result<Self, Error> {
        let signer = || signer.ok_or_else(assertion::no_key);
        let sent_id = texts.id.as_ref().filter(|_| settings.sends_client_id).map(|id| id.expose().to_owned());
        // The config room lets neither be missing where the method needs it.
        let client_id = sent_id.clone().unwrap_or_default();
        let client_secret = texts.secret.take().unwrap_or_else(|| Secret::new(""));
        Ok(match settings.auth_method {
            AuthMethod::ClientSecretBasic => {
                Self::Basic { client_id, client_secret, encoding: settings.basic_encoding }
            }
            AuthMethod::ClientSecretPost => Self::Post { client_id, client_secret },
            AuthMethod::ClientSecretJwt => Self::SecretJwt { client_id, client_secret, signer: signer()? },
            AuthMethod::PrivateKeyJwt => Self::PrivateKeyJwt { client_id, signer: signer()? },
            AuthMethod::ClientAssertion => {
                Self::Assertion { client_id: sent_id, assertion: texts.client_assertion.take() }
            }
            AuthMethod::TlsClientAuth => Self::Tls { client_id },
            AuthMethod::None => Self::None { client_id: sent_id },
        })
    }

    /// Adds the credentials to the request of one attempt. A method that signs makes another assertion each time.
    pub(crate) fn apply(&self, moment: &Moment, draft: &mut Draft<'_>) -> Result<(), Error> {
        match self {
            Self::Basic { client_id, client_secret, encoding } => basic(client_id, client_secret, *encoding, draft),
            Self::Post { client_id, client_secret } => post(client_id, client_secret, draft),
            Self::SecretJwt { client_id, signer, .. } => signed(client_id, signer, moment, draft)?,
            Self::PrivateKeyJwt { client_id, signer } => signed(client_id, signer, moment, draft)?,
            Self::Assertion { client_id, assertion } => of_file(client_id.as_deref(), assertion.as_ref(), draft),
            Self::Tls { client_id } => id_alone(Some(client_id), draft),
            Self::None { client_id } => id_alone(client_id.as_deref(), draft),
        }
        Ok(())
    }

    /// Returns what signs the client assertions of this library.
    pub(crate) fn signer(&self) -> Option<&Signer> {
        match self {
            Self::SecretJwt { signer, .. } | Self::PrivateKeyJwt { signer, .. } => Some(signer),
            Self::Basic { .. } | Self::Post { .. } | Self::Assertion { .. } | Self::Tls { .. } | Self::None { .. } => {
                None
            }
        }
    }

    /// Returns whether the client authenticates at all.
    pub(crate) fn has_credential(&self) -> bool {
        !matches!(self, Self::None { .. })
    }

    /// Returns the client assertion of another program.
    pub(crate) fn assertion_of_file(&self) -> Option<&Secret> {
        match self {
            Self::Assertion { assertion, .. } => assertion.as_ref(),
            Self::Basic { .. } | Self::Post { .. } | Self::SecretJwt { .. } | Self::PrivateKeyJwt { .. } => None,
            Self::Tls { .. } | Self::None { .. } => None,
        }
    }

    /// Returns whether no parameter names a client that could be named.
    pub(crate) fn lacks_id(&self) -> bool {
        matches!(self, Self::Assertion { client_id: None, .. } | Self::None { client_id: None })
    }

    /// Returns the credentials in each spelling that [`crate::redact`] does not know by itself.
    pub(crate) fn texts_to_redact(&self) -> Vec<Secret> {
        // Some servers log the secret in Base64, whatever the method.
        let alone = |secret: &Secret| {
            let in_base64 = Zeroizing::new(BASE64_STANDARD.encode(secret.expose()));
            [vec![secret.clone()], base64_spellings(&in_base64).to_vec()].concat()
        };
        match self {
            Self::Basic { client_id, client_secret, encoding } => {
                let pair = base64_spellings(&basic_credentials(client_id, client_secret, *encoding)).to_vec();
                [alone(client_secret), pair].concat()
            }
            Self::Post { client_secret, .. } | Self::SecretJwt { client_secret, .. } => alone(client_secret),
            Self::Assertion { assertion, .. } => assertion.iter().cloned().collect(),
            Self::PrivateKeyJwt { .. } | Self::Tls { .. } | Self::None { .. } => Vec::new(),
        }
    }
}

fn basic(client_id: &str, client_secret: &Secret, encoding: BasicEncoding, draft: &mut Draft<'_>) {
    let credentials = basic_credentials(client_id, client_secret, encoding);
    // Capital B: django-oauth-toolkit responds with 401 to `basic`.
    let mut value = String::with_capacity("Basic ".len() + credentials.len());
    value.extend(["Basic ", &credentials]);
    draft.headers.push(("authorization".to_owned(), Value::Secret(Secret::new(value))));
}

/// Returns the credentials of HTTP Basic in Base64 (RFC 7617 §2; RFC 6749 §2.3.1 percent-encodes them before).
fn basic_credentials(client_id: &str, client_secret: &Secret, encoding: BasicEncoding) -> Zeroizing<String> {
    let client_secret = client_secret.expose();
    let mut pair = Zeroizing::new(String::with_capacity(3 * (client_id.len() + client_secret.len()) + 1));
    match encoding {
        BasicEncoding::Rfc6749 => {
            pair.extend(utf8_percent_encode(client_id, ALL_BUT_UNRESERVED));
            pair.push(':');
            pair.extend(utf8_percent_encode(client_secret, ALL_BUT_UNRESERVED));
        }
        BasicEncoding::Raw => pair.extend([client_id, ":", client_secret]),
    }
    Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()))
}

fn post(client_id: &str, client_secret: &Secret, draft: &mut Draft<'_>) {
    draft.add("client_id", client_id);
    // RFC 6749 §2.3.1: an empty secret may be left out. A server that knows a public client wants it so.
    draft.add_secret("client_secret", Some(client_secret).filter(|secret| !secret.expose().is_empty()));
}

/// Adds an assertion, and the id too: Entra and Airlock want it, and RFC 7521 §4.2 allows it.
fn signed(client_id: &str, signer: &Signer, moment: &Moment, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.add("client_id", client_id);
    draft.add_default("client_assertion_type", Some(JWT_BEARER));
    draft.add_signed("client_assertion", signer.sign(moment)?);
    Ok(())
}

fn of_file(client_id: Option<&str>, assertion: Option<&Secret>, draft: &mut Draft<'_>) {
    id_alone(client_id, draft);
    draft.add_default("client_assertion_type", Some(JWT_BEARER));
    draft.add_secret("client_assertion", assertion);
}

fn id_alone(client_id: Option<&str>, draft: &mut Draft<'_>) {
    if let Some(client_id) = client_id {
        draft.add("client_id", client_id);
    }
}

/// Returns what to do next where the server rejects the client (`invalid_client`, or 401). What an assertion of this library
/// may lack is for `assertion.rs` to say.
pub(crate) fn hint(auth: &ClientAuth) -> &'static str {
    let client_secret = match auth {
        ClientAuth::Basic { client_secret, .. } | ClientAuth::Post { client_secret, .. } => client_secret.expose(),
        ClientAuth::SecretJwt { .. } => return "check client_id, client_secret, signing_algorithm",
        ClientAuth::PrivateKeyJwt { .. } => return "check client_id, the key that is registered, signing_algorithm",
        ClientAuth::Assertion { client_id: None, .. } => {
            return "the server may want client_id; else check which issuer, subject and audience it trusts";
        }
        ClientAuth::Assertion { .. } => {
            return "check client_id, and which issuer, subject and audience the server trusts";
        }
        ClientAuth::Tls { .. } => {
            return "check client_id, and whether client_cert_file is the certificate that is registered";
        }
        ClientAuth::None { .. } => return "check client_id, and whether the server wants a credential",
    };
    match client_secret {
        // An unset variable leaves an empty secret, and copying a secret may add a space.
        "" => {
            return "client_secret is empty: if this client has one, set it; else check client_id and which environment \
                    it is for";
        }
        _ if client_secret.trim() != client_secret => {
            return "client_secret begins or ends with a space: check whether the space belongs to it; then check \
                    client_id and which environment they are for";
        }
        _ => {}
    }
    match (auth, ambiguous_encoding(auth)) {
        (_, Some(BasicEncoding::Raw)) => {
            "check client_id, client_secret and which environment they are for; servers differ in how they \
             read some characters of id and secret: try basic_encoding=rfc6749 or auth_method=client_secret_post"
        }
        (_, Some(BasicEncoding::Rfc6749)) => {
            "check client_id, client_secret and which environment they are for; servers differ in how they \
             read some characters of id and secret: try basic_encoding=raw or auth_method=client_secret_post"
        }
        (ClientAuth::Basic { .. }, None) => {
            "check client_id, client_secret and which environment they are for; the server may want \
             auth_method=client_secret_post"
        }
        (_, None) => {
            "check client_id, client_secret and which environment they are for; the server may want \
             auth_method=client_secret_basic"
        }
    }
}

/// Returns the encoding that HTTP Basic used, if the other one writes the credentials differently. Servers that do not
/// follow RFC 6749 §2.3.1 read such credentials in their own way.
pub(crate) fn ambiguous_encoding(auth: &ClientAuth) -> Option<BasicEncoding> {
    let is_encoded = |text: &str| utf8_percent_encode(text, ALL_BUT_UNRESERVED).next().is_some_and(|part| part != text);
    match auth {
        ClientAuth::Basic { client_id, client_secret, encoding } => {
            (is_encoded(client_secret.expose()) || is_encoded(client_id)).then_some(*encoding)
        }
        ClientAuth::Post { .. } | ClientAuth::SecretJwt { .. } | ClientAuth::PrivateKeyJwt { .. } => None,
        ClientAuth::Assertion { .. } | ClientAuth::Tls { .. } | ClientAuth::None { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::tests::{body, header, request};

    fn credentials(options: &[(&str, &str)]) -> String {
        let request = request(options);
        let value = header(&request, "authorization").unwrap().strip_prefix("Basic ").unwrap();
        String::from_utf8(BASE64_STANDARD.decode(value).unwrap()).unwrap()
    }

    #[test]
    fn basic_credentials_are_percent_encoded_utf8_or_raw() {
        let odd = [("client_id", "a:b é"), ("client_secret", "p ü+/=%&-._~")];
        assert_eq!(credentials(&odd), "a%3Ab%20%C3%A9:p%20%C3%BC%2B%2F%3D%25%26-._~");
        let odd = [("client_id", "a b é"), ("client_secret", "p ü+/=%:&-._~"), ("basic_encoding", "raw")];
        assert_eq!(credentials(&odd), "a b é:p ü+/=%:&-._~");
        assert_eq!(credentials(&[("client_secret", "")]), "id:");
    }

    #[test]
    fn basic_puts_neither_id_nor_secret_into_the_body() {
        assert_eq!(body(&[]), "grant_type=client_credentials");
    }

    #[test]
    fn post_puts_id_and_secret_into_the_body_and_omits_an_empty_secret() {
        let post = ("auth_method", "client_secret_post");
        let sent = request(&[post, ("client_secret", "p ü+&=")]);
        assert_eq!(header(&sent, "authorization"), None);
        assert_eq!(
            sent.body.unwrap().expose(),
            "grant_type=client_credentials&client_id=id&client_secret=p%20%C3%BC%2B%26%3D"
        );
        assert_eq!(body(&[post, ("client_secret", "")]), "grant_type=client_credentials&client_id=id");
        assert_eq!(
            body(&[post, ("body_format", "json"), ("client_secret", "a\"\\\u{1}ü")]),
            r#"{"grant_type":"client_credentials","client_id":"id","client_secret":"a\"\\"#.to_owned() + "\\u0001ü\"}"
        );
    }
}
