//! Pure: what the requests of one fetch are made of, apart from the settings. It makes a request of it for each attempt.
//!
//! Texts and keys are parameters. It must not decide which of them a request needs: the config room does.

use crate::{
    config::{CredentialTexts, Endpoint, GrantParameters, Settings, SigningPurpose},
    error::Error,
    oauth::{
        assertion::{Moment, Signer},
        client_auth::ClientAuth,
        request::{self, Draft, HttpRequest},
    },
    secret::Secret,
};

/// What the requests of one fetch are made of, apart from the settings. A file may change between two fetches.
pub(crate) struct RequestCredentials {
    pub(crate) client: ClientAuth,
    pub(crate) grant: GrantCredentials,
}

impl RequestCredentials {
    /// Returns the credentials that were read from files and options. The error says what does not fit.
    pub(crate) fn new(settings: &Settings, mut texts: CredentialTexts) -> Result<Self, Error> {
        let (mut of_client, mut of_grant) = (None, None);
        if let Some(signing) = &settings.signing {
            let signer = Signer::new(signing, settings, &mut texts)?;
            match signing.purpose {
                SigningPurpose::ClientAssertion => of_client = Some(signer),
                SigningPurpose::Grant => of_grant = Some(signer),
            }
        }
        let client = ClientAuth::new(settings, &mut texts, of_client)?;
        Ok(Self { client, grant: GrantCredentials::new(texts, of_grant) })
    }

    /// Returns the request of one attempt, and the assertion that was signed for it. A server refuses an assertion that it has
    /// seen (RFC 7523 §3).
    pub(crate) fn request(
        &self,
        settings: &Settings,
        endpoint: &Endpoint,
        moment: &Moment,
    ) -> Result<(HttpRequest, Option<Secret>), Error> {
        let mut draft = Draft::new(settings);
        self.grant.apply(moment, &mut draft)?;
        self.client.apply(moment, &mut draft)?;
        Ok(draft.finish(endpoint))
    }

    /// Returns the texts of all requests that no error may show, since the server or a proxy may echo them.
    pub(crate) fn texts_to_redact(&self, settings: &Settings) -> Vec<Secret> {
        [request::texts_to_redact(settings), self.client.texts_to_redact(), self.grant.texts_to_redact()].concat()
    }

    /// Returns what signs the assertions of this library, if anything does.
    pub(crate) fn signer(&self) -> Option<&Signer> {
        self.client.signer().or(self.grant.signer.as_ref())
    }
}

/// The credentials of the grant itself, in one fetch. None is one that this grant does not send.
pub(crate) struct GrantCredentials {
    /// What signs the assertion of the grant.
    pub(crate) signer: Option<Signer>,
    pub(crate) assertion: Option<Secret>,
    pub(crate) subject_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
}

impl GrantCredentials {
    /// Returns the credentials that the grant sends. `signer` is Some if this library signs the grant.
    fn new(texts: CredentialTexts, signer: Option<Signer>) -> Self {
        let CredentialTexts { assertion, subject_token, refresh_token, .. } = texts;
        Self { signer, assertion, subject_token, refresh_token }
    }

    /// Returns the texts of files that no error may show.
    fn texts_to_redact(&self) -> Vec<Secret> {
        [&self.assertion, &self.subject_token, &self.refresh_token].into_iter().flatten().cloned().collect()
    }

    /// Adds the parameters of the grant (RFC 7521 §4.1, RFC 8693 §2.1, RFC 6749 §6).
    fn apply(&self, moment: &Moment, draft: &mut Draft<'_>) -> Result<(), Error> {
        if let Some(signer) = &self.signer {
            draft.add_signed("assertion", signer.sign(moment)?);
        }
        draft.add_secret("assertion", self.assertion.as_ref());
        draft.add_secret("subject_token", self.subject_token.as_ref());
        match &draft.settings.grant {
            GrantParameters::Plain | GrantParameters::JwtBearer | GrantParameters::RefreshToken => {}
            GrantParameters::TokenExchange { subject_token_type, requested_token_type } => {
                draft.add_default("subject_token_type", subject_token_type.as_deref());
                draft.add_default("requested_token_type", requested_token_type.as_deref());
            }
        }
        draft.add_secret("refresh_token", self.refresh_token.as_ref());
        Ok(())
    }
}

/// Returns the texts of a signed assertion that no error may show. Some servers log the signature alone.
pub(crate) fn texts_of_assertion(assertion: &Secret) -> [Secret; 2] {
    let signature = assertion.expose().rsplit('.').next().unwrap_or_default();
    [assertion.clone(), Secret::new(signature)]
}
