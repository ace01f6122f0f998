//! Pure: what signs the assertions of one fetch, which is a key and what each assertion says (RFC 7523 §3).
//!
//! The moment is a parameter. This file must not know how an assertion is sent.

use crate::{
    config::{CredentialTexts, Server, Settings, Signing, SigningPurpose},
    error::{Error, ErrorKind},
    jose::{self, Member, SigningAlgorithm, SigningCertificate, SigningKey},
    secret::Secret,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::borrow::Cow;

/// When a request is made, and the random bytes that no other request has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Unix time, by the clock that the server is believed to have.
    pub(crate) unix_seconds: i64,
    pub(crate) jti: [u8; 16],
}

/// A key, and what its assertions have in common.
pub(crate) struct Signer {
    signing: Signing,
    key: SigningKey,
    algorithm: SigningAlgorithm,
    certificate: Option<SigningCertificate>,
    /// The claim `iss`, unless `claim.iss` replaces it.
    issuer: String,
    /// The claim `sub`, unless `claim.sub` replaces it.
    subject: Option<String>,
}

impl Signer {
    /// Takes the key and the certificate of one fetch. The error says what does not fit.
    pub(crate) fn new(signing: &Signing, settings: &Settings, texts: &mut CredentialTexts) -> Result<Self, Error> {
        let (Some(key), Some(source)) = (texts.key.take(), &settings.credentials.signer) else { return Err(no_key()) };
        let wrong = |message| Error::new(ErrorKind::InvalidConfig, message);
        let algorithm = key.algorithm(signing.algorithm, source.named_by).map_err(wrong)?;
        let client_id = texts.id.as_ref().map(|id| id.expose().to_owned());
        let (issuer, subject) = match signing.purpose {
            // RFC 7523 §3: both are the client.
            SigningPurpose::ClientAssertion => (client_id.clone(), client_id),
            // The subject is a user, and only the caller knows which.
            SigningPurpose::Grant => (client_id.or_else(|| key.client_email().map(str::to_owned)), None),
        };
        // The config room lets it be missing only where claim.iss replaces it.
        let issuer = issuer.unwrap_or_default();
        Ok(Self { signing: signing.clone(), key, algorithm, certificate: texts.certificate.take(), issuer, subject })
    }

    /// Returns the assertion of one request. No other request has the same.
    pub(crate) fn sign(&self, moment: &Moment) -> Result<Secret, Error> {
        let Signing { typ, cert_header, audience, lifetime, claims: more, .. } = &self.signing;
        let mut header = vec![("alg", Member::Text(self.algorithm.word())), ("typ", Member::Text(typ))];
        header.extend(self.key.key_id().map(|id| ("kid", Member::Text(id))));
        if let Some(certificate) = &self.certificate {
            let (name, value) = certificate.header(*cert_header);
            header.push((name, Member::Json(value)));
        }
        let jti = BASE64_URL_SAFE_NO_PAD.encode(moment.jti);
        let expires = moment.unix_seconds.saturating_add(lifetime.as_secs().max(1).try_into().unwrap_or(i64::MAX));
        let named = |wanted: &str| more.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.expose());
        let mut claims = vec![("iss", Member::Text(named("iss").unwrap_or(&self.issuer)))];
        claims.extend(named("sub").or(self.subject.as_deref()).map(|subject| ("sub", Member::Text(subject))));
        claims.extend([
            ("aud", Member::Text(audience)),
            ("jti", Member::Text(&jti)),
            ("iat", Member::Number(moment.unix_seconds)),
            ("exp", Member::Number(expires)),
        ]);
        let others = more.iter().filter(|(name, _)| !matches!(name.as_str(), "iss" | "sub"));
        claims.extend(others.map(|(name, value)| (name.as_str(), Member::Text(value.expose()))));
        jose::compact(&header, &claims, &self.key, self.algorithm)
    }

    pub(crate) fn has_claim(&self, wanted: &str) -> bool {
        self.signing.claims.iter().any(|(name, _)| name == wanted)
    }

    pub(crate) fn signs_grant(&self) -> bool {
        self.signing.purpose == SigningPurpose::Grant
    }

    /// Returns what an assertion may lack that the server refuses. `token_url` is that option as a message may show it.
    pub(crate) fn hint(&self, server: &Server, token_url: &str) -> Option<Cow<'static, str>> {
        let Signing { audience, issuer, .. } = &self.signing;
        let is_issuer = issuer.as_ref() == Some(audience);
        match server {
            Server::TokenUrl(endpoint) if *audience == endpoint.url => {
                Some("the server may want the issuer: set issuer or assertion_audience".into())
            }
            Server::TokenUrl(_) if is_issuer => {
                Some(format!("the server may want assertion_audience={token_url}").into())
            }
            // The document names the endpoint, and must not choose the audience through a message either.
            Server::Issuer(_) if is_issuer => Some("the server may want another assertion_audience".into()),
            _ if self.key.wants_key_id() && self.key.key_id().is_none() => {
                Some("the server may want signing_key_id".into())
            }
            _ => None,
        }
    }
}

/// Returns the error for a method that signs, where no key was read.
pub(super) fn no_key() -> Error {
    Error::new(ErrorKind::Internal, "a key that signs is not there: a bug in this library, please report it")
}
