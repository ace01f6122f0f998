//! Pure: client authentication (RFC 6749 §2.3.1). Each method has one function, which adds the client's credentials to a
//! request.
//!
//! Apart from the config room, no other file branches on the method. This file reads no other file and no clock, and it must
//! not decide what else a request holds.

use crate::{
    clock::Now,
    config::{AuthMethod, BasicEncoding, CredentialTexts, Settings},
    oauth::request::{ALL_BUT_UNRESERVED, Draft, Value},
    redact::base64_spellings,
    secret::Secret,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::utf8_percent_encode;
use zeroize::Zeroizing;

/// A client authentication method with the credentials of one fetch. A file may change between two fetches.
pub(crate) enum ClientAuth {
    /// `client_secret_basic`: the header Authorization.
    Basic { client_id: String, client_secret: Secret, encoding: BasicEncoding },
    /// `client_secret_post`: two parameters of the body.
    Post { client_id: String, client_secret: Secret },
    /// `tls_client_auth` and `none`: the id alone, where it is set and sent.
    Id { client_id: Option<String> },
}

impl ClientAuth {
    /// Returns the method of the settings with these credentials.
    pub(crate) fn new(settings: &Settings, credentials: CredentialTexts) -> Self {
        let client_id = credentials.id.map(|id| id.expose().to_owned());
        let client_secret = credentials.secret.unwrap_or_else(|| Secret::new(""));
        match settings.auth_method {
            AuthMethod::ClientSecretBasic => Self::Basic {
                client_id: client_id.unwrap_or_default(),
                client_secret,
                encoding: settings.basic_encoding,
            },
            AuthMethod::ClientSecretPost => Self::Post { client_id: client_id.unwrap_or_default(), client_secret },
            AuthMethod::ClientSecretJwt
            | AuthMethod::PrivateKeyJwt
            | AuthMethod::ClientAssertion
            | AuthMethod::TlsClientAuth
            | AuthMethod::None => Self::Id { client_id: client_id.filter(|_| settings.sends_client_id) },
        }
    }

    /// Adds the credentials to the request of one attempt, which is built `_now`. A method that signs will need the time.
    pub(crate) fn apply(&self, _now: Now, draft: &mut Draft<'_>) {
        match self {
            Self::Basic { client_id, client_secret, encoding } => basic(client_id, client_secret, *encoding, draft),
            Self::Post { client_id, client_secret } => post(client_id, client_secret, draft),
            Self::Id { client_id } => {
                let client_id = client_id.iter().map(|id| ("client_id", Value::Open(id.clone())));
                draft.parameters.extend(client_id);
            }
        }
    }

    /// Returns the credentials in each spelling that [`crate::redact`] does not know by itself.
    pub(crate) fn texts_to_redact(&self) -> Vec<Secret> {
        let (client_secret, encoded) = match self {
            Self::Basic { client_id, client_secret, encoding } => {
                (client_secret, base64_spellings(&basic_credentials(client_id, client_secret, *encoding)).to_vec())
            }
            Self::Post { client_secret, .. } => (client_secret, Vec::new()),
            Self::Id { .. } => return Vec::new(),
        };
        // Some servers log the secret in Base64, whatever the method.
        let alone = base64_spellings(&Zeroizing::new(BASE64_STANDARD.encode(client_secret.expose())));
        [vec![client_secret.clone()], alone.to_vec(), encoded].concat()
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
    draft.parameters.push(("client_id", Value::Open(client_id.to_owned())));
    // RFC 6749 §2.3.1: an empty secret may be left out. A server that knows a public client wants it so.
    if !client_secret.expose().is_empty() {
        draft.parameters.push(("client_secret", Value::Secret(client_secret.clone())));
    }
}

/// Returns what to do next where the server rejects the client (`invalid_client`, or 401).
pub(crate) fn hint(auth: &ClientAuth) -> &'static str {
    let secret = match auth {
        ClientAuth::Basic { client_secret, .. } | ClientAuth::Post { client_secret, .. } => client_secret.expose(),
        ClientAuth::Id { .. } => return "check client_id and which environment it is for",
    };
    match secret {
        // An unset variable leaves an empty secret, and copying a secret may add a space.
        "" => {
            return "client_secret is empty: if this client has one, set it; else check client_id and which environment \
                    it is for";
        }
        _ if secret.trim() != secret => {
            return "client_secret begins or ends with a space: check whether the space belongs to it; then check \
                    client_id and which environment they are for";
        }
        _ => {}
    }
    match (auth, ambiguous_encoding(auth)) {
        (ClientAuth::Basic { .. }, Some(BasicEncoding::Raw)) => {
            "check client_id, client_secret and which environment they are for; servers differ in how they \
             read some characters of id and secret: try basic_encoding=rfc6749 or auth_method=client_secret_post"
        }
        (ClientAuth::Basic { .. }, Some(BasicEncoding::Rfc6749)) => {
            "check client_id, client_secret and which environment they are for; servers differ in how they \
             read some characters of id and secret: try basic_encoding=raw or auth_method=client_secret_post"
        }
        (ClientAuth::Basic { .. }, None) => {
            "check client_id, client_secret and which environment they are for; the server may want \
             auth_method=client_secret_post"
        }
        (ClientAuth::Post { .. }, _) => {
            "check client_id, client_secret and which environment they are for; the server may want \
             auth_method=client_secret_basic"
        }
        (ClientAuth::Id { .. }, _) => "check client_id and which environment it is for",
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
        ClientAuth::Post { .. } | ClientAuth::Id { .. } => None,
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
