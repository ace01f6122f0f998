//! How the client authenticates: which credential it has, which method follows, and what is signed.
//!
//! Pure: it looks at the options together, reads no file, and must not build a request. Messages name the options, never a
//! value that is a secret.

use crate::{
    config::{
        settings::{AuthMethod, GrantParameters, SigningPurpose},
        values::Values,
    },
    redact::truncate,
    words::SHOWN,
};

pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";

/// What authenticates the client. A signing key that signs the grant is none, and a certificate that is set together with
/// another credential serves the TLS connection only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credential {
    Secret,
    Key,
    Assertion,
    Certificate,
    None,
}

/// How the client authenticates.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authentication {
    pub(crate) method: AuthMethod,
    pub(crate) client_id: ClientId,
    /// What this library signs, if anything.
    pub(crate) signs: Option<SigningPurpose>,
}

/// Whether the request names the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientId {
    /// An error if it is not set.
    Required,
    SentIfSet,
    /// It may be the claim `iss` of the grant's assertion.
    NotSent,
}

/// The options, looked at together.
pub(crate) struct OptionsTogether<'a> {
    /// What the program itself set: it must fit, and must be used.
    pub(crate) own: &'a Values,
    /// With what the provider adds.
    pub(crate) effective: &'a Values,
    pub(crate) grant_type: &'a str,
}

impl OptionsTogether<'_> {
    /// Returns how the client authenticates, and adds all that is wrong to `errors`. None if no method follows.
    pub(crate) fn authentication(&self, errors: &mut Vec<String>) -> Option<Authentication> {
        let set = self.credentials();
        let credential = set.first().map_or(Credential::None, |(credential, _)| *credential);
        let (method, is_derived) = match (self.own.auth_method, self.effective.auth_method) {
            (Some(method), _) => (Some(method), false),
            (None, Some(method)) if self.fits(method, credential) => (Some(method), false),
            (None, _) => (self.derived(credential), true),
        };
        // Without a method, it is not known that the client needs no id.
        let client_id = method.map_or(ClientId::Required, |method| self.client_id(method, is_derived));
        self.check_client_id(client_id, method.filter(|_| is_derived), errors);
        self.check_pairs(&set, errors);
        if let Some(method) = self.own.auth_method {
            self.check_fit(method, &set, errors);
        }
        let Some(method) = method else {
            errors.push(NO_CREDENTIAL.into());
            self.check_signing_options(None, errors);
            return None;
        };
        let signs = self.signs(method);
        let signed_by = signs.map(|purpose| match (purpose, method) {
            (SigningPurpose::ClientAssertion, AuthMethod::ClientSecretJwt) => Credential::Secret,
            _ => Credential::Key,
        });
        self.check_signing_options(signed_by, errors);
        self.check_parameters(method, client_id, errors);
        Some(Authentication { method, client_id, signs })
    }

    /// Returns the parameters of the grant. Adds what is missing for it, and what the program sets without it.
    pub(crate) fn grant(&self, errors: &mut Vec<String>) -> GrantParameters {
        let (own, values) = (self.own, self.effective);
        let grant_type = self.grant_type;
        let mut needs = |is_there: bool, what: &str| {
            if !is_there {
                errors.push(format!("grant_type={grant_type} needs {what}"));
            }
        };
        let grant = match grant_type {
            JWT_BEARER => {
                needs(
                    self.key_option().is_some() || values.assertion_file.is_some() || self.has_param("assertion"),
                    "signing_key_file (this library signs) or assertion_file (another program does): set one",
                );
                GrantParameters::JwtBearer
            }
            TOKEN_EXCHANGE => {
                let has_file = values.subject_token_file.is_some();
                needs(has_file || self.has_param("subject_token"), "subject_token_file: set it");
                let default = has_file && !self.has_param("subject_token_type");
                let default = default.then(|| "urn:ietf:params:oauth:token-type:jwt".to_owned());
                GrantParameters::TokenExchange {
                    subject_token_type: self.subject_token_type().cloned().or(default),
                    requested_token_type: self.requested_token_type().cloned(),
                }
            }
            REFRESH_TOKEN => {
                let is_there = values.refresh_token_file.is_some() || self.has_param("refresh_token");
                needs(is_there, "refresh_token_file: set it");
                GrantParameters::RefreshToken
            }
            _ => GrantParameters::Plain,
        };
        for (name, is_set, wanted) in [
            ("subject_token_file", own.subject_token_file.is_some(), TOKEN_EXCHANGE),
            ("subject_token_type", own.subject_token_type.is_some(), TOKEN_EXCHANGE),
            ("requested_token_type", own.requested_token_type.is_some(), TOKEN_EXCHANGE),
            ("refresh_token_file", own.refresh_token_file.is_some(), REFRESH_TOKEN),
        ] {
            if is_set && grant_type != wanted {
                let grant_type = truncate(grant_type, SHOWN);
                errors.push(format!(
                    "{name} is set, but grant_type is {grant_type}: set grant_type={wanted}, or unset it"
                ));
            }
        }
        if values.assertion_file.is_some() && values.grant_type.is_none() {
            errors.push(format!("assertion_file is set without grant_type: set it, for a JWT to {JWT_BEARER}"));
        }
        grant
    }

    /// Returns the credentials that are set, with the options that set them.
    fn credentials(&self) -> Vec<(Credential, &'static str)> {
        let values = self.effective;
        let key_is_credential = !self.key_signs_grant();
        let all = [
            (values.client_secret.is_some(), Credential::Secret, "client_secret"),
            (values.client_secret_file.is_some(), Credential::Secret, "client_secret_file"),
            (values.signing_key.is_some() && key_is_credential, Credential::Key, "signing_key"),
            (values.signing_key_file.is_some() && key_is_credential, Credential::Key, "signing_key_file"),
            (values.client_assertion_file.is_some(), Credential::Assertion, "client_assertion_file"),
        ];
        let all = all.into_iter().filter(|(is_set, ..)| *is_set);
        let mut set: Vec<_> = all.map(|(_, credential, name)| (credential, name)).collect();
        if set.is_empty() && (values.client_cert_file.is_some() || values.client_key_file.is_some()) {
            set.push((Credential::Certificate, "client_cert_file"));
        }
        set
    }

    /// Adds each two options of which only one can be set.
    fn check_pairs(&self, set: &[(Credential, &'static str)], errors: &mut Vec<String>) {
        let mut both = |one: &str, other: &str| errors.push(format!("{one} and {other} are both set: unset one"));
        if let [(_, first), others @ ..] = set {
            others.iter().for_each(|(_, other)| both(first, other));
        }
        if self.key_signs_grant() && self.effective.signing_key.is_some() && self.effective.signing_key_file.is_some() {
            both("signing_key", "signing_key_file");
        }
    }

    /// Adds what is wrong with the id of the client. `derived` is the method, if the credential alone says it.
    fn check_client_id(&self, client_id: ClientId, derived: Option<AuthMethod>, errors: &mut Vec<String>) {
        let is_for_connection =
            derived == Some(AuthMethod::TlsClientAuth) && matches!(self.grant_type, JWT_BEARER | TOKEN_EXCHANGE);
        errors.push(match (&self.effective.client_id, &self.effective.client_id_file, client_id) {
            (Some(_), Some(_), _) => "client_id and client_id_file are both set: unset one".into(),
            (None, None, ClientId::Required) if is_for_connection => {
                "client_id is not set: set it (or auth_method=none, if the certificate is only for the connection)"
                    .into()
            }
            (None, None, ClientId::Required) => "client_id is not set: set it".into(),
            (None, None, ClientId::SentIfSet | ClientId::NotSent) | (Some(_), None, _) | (None, Some(_), _) => return,
        });
    }

    /// The key signs the grant exactly if no other assertion is there for it (RFC 7523 §2.1).
    fn key_signs_grant(&self) -> bool {
        self.grant_type == JWT_BEARER
            && self.key_option().is_some()
            && self.effective.assertion_file.is_none()
            && !self.has_param("assertion")
    }

    fn key_option(&self) -> Option<&'static str> {
        match (&self.effective.signing_key_file, &self.effective.signing_key) {
            (Some(_), _) => Some("signing_key_file"),
            (None, Some(_)) => Some("signing_key"),
            (None, None) => None,
        }
    }

    fn subject_token_type(&self) -> Option<&String> {
        self.unless_by_param("subject_token_type", |values| values.subject_token_type.as_ref())
    }

    fn requested_token_type(&self) -> Option<&String> {
        self.unless_by_param("requested_token_type", |values| values.requested_token_type.as_ref())
    }

    /// Returns the value in effect. What a provider says gives way to the program's `param.NAME`.
    fn unless_by_param(&self, name: &str, value: fn(&Values) -> Option<&String>) -> Option<&String> {
        let gives_way = value(self.own).is_none() && has(self.own, name);
        value(self.effective).filter(|_| !gives_way)
    }

    fn has_param(&self, name: &str) -> bool {
        has(self.effective, name)
    }

    /// Returns whether a provider's method counts with this credential.
    fn fits(&self, method: AuthMethod, credential: Credential) -> bool {
        match method {
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => credential == Credential::Secret,
            AuthMethod::ClientSecretJwt => credential == Credential::Secret && !self.key_signs_grant(),
            AuthMethod::PrivateKeyJwt => credential == Credential::Key,
            AuthMethod::ClientAssertion => {
                credential == Credential::Assertion
                    || credential == Credential::None && self.has_param("client_assertion")
            }
            AuthMethod::TlsClientAuth => credential == Credential::Certificate,
            AuthMethod::None => matches!(credential, Credential::None | Credential::Certificate),
        }
    }

    /// Returns the method that follows from the credential where none is set; None is an error.
    fn derived(&self, credential: Credential) -> Option<AuthMethod> {
        match credential {
            Credential::Secret => Some(AuthMethod::ClientSecretBasic),
            Credential::Key => Some(AuthMethod::PrivateKeyJwt),
            Credential::Assertion => Some(AuthMethod::ClientAssertion),
            Credential::Certificate => Some(AuthMethod::TlsClientAuth),
            Credential::None => matches!(self.grant_type, JWT_BEARER | TOKEN_EXCHANGE).then_some(AuthMethod::None),
        }
    }

    /// Adds what the program's own method lacks, and what is set and not used by it.
    fn check_fit(&self, method: AuthMethod, set: &[(Credential, &'static str)], errors: &mut Vec<String>) {
        let word = method.word();
        let has = |wanted| set.iter().any(|(credential, _)| *credential == wanted);
        let secret = (Credential::Secret, "client_secret or client_secret_file: set one");
        let (used, is_there, needs) = match method {
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::ClientSecretJwt => {
                (secret.0, has(secret.0), secret.1)
            }
            AuthMethod::PrivateKeyJwt => (
                Credential::Key,
                has(Credential::Key) || self.key_signs_grant(),
                "signing_key or signing_key_file: set one",
            ),
            AuthMethod::ClientAssertion => (
                Credential::Assertion,
                has(Credential::Assertion) || self.has_param("client_assertion"),
                "client_assertion_file: set it",
            ),
            AuthMethod::TlsClientAuth => (
                Credential::Certificate,
                self.effective.client_cert_file.is_some() && self.effective.client_key_file.is_some(),
                "client_cert_file and client_key_file: set both",
            ),
            AuthMethod::None => (Credential::None, true, ""),
        };
        if !is_there {
            errors.push(format!("auth_method={word} needs {needs}"));
        }
        if self.key_signs_grant() {
            let key = self.key_option().unwrap_or_default();
            let signed = format!("grant_type={JWT_BEARER} has its assertion signed by {key}");
            match method {
                AuthMethod::PrivateKeyJwt => errors.push(format!(
                    "{signed}, and auth_method=private_key_jwt wants another: set assertion_file, or unset auth_method"
                )),
                AuthMethod::ClientSecretJwt => errors.push(format!(
                    "{signed}, and auth_method=client_secret_jwt wants another: set auth_method=client_secret_post"
                )),
                AuthMethod::ClientSecretBasic
                | AuthMethod::ClientSecretPost
                | AuthMethod::ClientAssertion
                | AuthMethod::TlsClientAuth
                | AuthMethod::None => {}
            }
        }
        // A second credential next to the right one is reported as such. A certificate serves the connection in any case.
        let is_other = |credential| credential != used && credential != Credential::Certificate && !has(used);
        for (_, name) in set.iter().filter(|(credential, _)| is_other(*credential)) {
            errors.push(format!("auth_method={word} and {name} are both set: unset one"));
        }
    }

    fn client_id(&self, method: AuthMethod, is_derived: bool) -> ClientId {
        match method {
            AuthMethod::ClientSecretBasic
            | AuthMethod::ClientSecretPost
            | AuthMethod::ClientSecretJwt
            | AuthMethod::PrivateKeyJwt
            | AuthMethod::TlsClientAuth => ClientId::Required,
            AuthMethod::ClientAssertion => ClientId::SentIfSet,
            // Google takes no client_id with the grant of a service account: the claim iss names the client.
            AuthMethod::None if is_derived && self.grant_type == JWT_BEARER => ClientId::NotSent,
            AuthMethod::None => ClientId::SentIfSet,
        }
    }

    fn signs(&self, method: AuthMethod) -> Option<SigningPurpose> {
        match method {
            _ if self.key_signs_grant() => Some(SigningPurpose::Grant),
            AuthMethod::ClientSecretJwt | AuthMethod::PrivateKeyJwt => Some(SigningPurpose::ClientAssertion),
            AuthMethod::ClientSecretBasic
            | AuthMethod::ClientSecretPost
            | AuthMethod::ClientAssertion
            | AuthMethod::TlsClientAuth
            | AuthMethod::None => None,
        }
    }

    /// Adds the program's own options for signing that nothing uses. `signed_by` is what signs, if anything does.
    fn check_signing_options(&self, signed_by: Option<Credential>, errors: &mut Vec<String>) {
        let own = self.own;
        let Some(signed_by) = signed_by else {
            let key_is_set = own.signing_key.is_some() || own.signing_key_file.is_some();
            let options = [
                ("signing_key_id", own.signing_key_id.is_some()),
                ("signing_algorithm", own.signing_algorithm.is_some()),
                ("signing_cert_file", own.signing_cert_file.is_some()),
                ("signing_cert_header", own.signing_cert_header.is_some()),
                ("assertion_audience", own.assertion_audience.is_some()),
                ("assertion_lifetime", own.assertion_lifetime.is_some()),
                ("assertion_typ", own.assertion_typ.is_some()),
            ];
            let mut unused: Vec<_> =
                options.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()).collect();
            let claims = own.claims.iter().filter(|(_, value)| value.is_some()).take(MOST_CLAIMS);
            unused.extend(claims.map(|(name, _)| format!("claim.{}", truncate(name, SHOWN))));
            // A key that is set is then reported as a second credential.
            for name in unused.iter().filter(|_| !key_is_set) {
                errors.push(format!("{name} is set, but nothing is signed: set signing_key_file, or unset it"));
            }
            return;
        };
        if signed_by == Credential::Secret && own.signing_cert_file.is_some() {
            let secret = if own.client_secret_file.is_some() { "client_secret_file" } else { "client_secret" };
            errors.push(format!("signing_cert_file is set, but {secret} has no certificate: unset it"));
        }
        if own.signing_cert_header.is_some() && own.signing_cert_file.is_none() {
            errors.push("signing_cert_header is set without signing_cert_file: set it".into());
        }
    }

    /// Adds each parameter that an option and `param.NAME` would both put into the body.
    fn check_parameters(&self, method: AuthMethod, client_id: ClientId, errors: &mut Vec<String>) {
        let values = self.effective;
        let has_id = values.client_id.is_some() || values.client_id_file.is_some();
        let id = has_id && method != AuthMethod::ClientSecretBasic && client_id != ClientId::NotSent;
        let secret = method == AuthMethod::ClientSecretPost;
        let twice = [("client_id", id), ("client_secret", secret)].into_iter();
        let twice = twice.filter(|(name, is_sent)| *is_sent && self.has_param(name));
        let twice: Vec<_> = twice.map(|(name, _)| format!("param.{name}")).collect();
        if !twice.is_empty() {
            let (twice, word) = (twice.join(" and "), method.word());
            errors.push(format!("auth_method={word} sends the same parameter as {twice}: unset {twice}"));
        }
        let of_secret = if values.client_secret_file.is_some() { "client_secret_file" } else { "client_secret" };
        let of_key = self.key_option().unwrap_or("signing_key_file");
        let set = |is_set: bool, name: &'static str| is_set.then_some(name);
        let client_assertion = match method {
            AuthMethod::ClientSecretJwt => Some(of_secret),
            AuthMethod::PrivateKeyJwt => Some(of_key),
            AuthMethod::ClientAssertion => set(values.client_assertion_file.is_some(), "client_assertion_file"),
            AuthMethod::ClientSecretBasic
            | AuthMethod::ClientSecretPost
            | AuthMethod::TlsClientAuth
            | AuthMethod::None => None,
        };
        let exchanges = self.grant_type == TOKEN_EXCHANGE;
        let refreshes = self.grant_type == REFRESH_TOKEN;
        for (parameter, option) in [
            ("client_assertion", client_assertion),
            // A key signs the grant only where param.assertion is not set.
            ("assertion", set(values.assertion_file.is_some(), "assertion_file")),
            ("subject_token", set(exchanges && values.subject_token_file.is_some(), "subject_token_file")),
            ("subject_token_type", set(exchanges && self.subject_token_type().is_some(), "subject_token_type")),
            ("requested_token_type", set(exchanges && self.requested_token_type().is_some(), "requested_token_type")),
            ("refresh_token", set(refreshes && values.refresh_token_file.is_some(), "refresh_token_file")),
        ] {
            if let Some(option) = option.filter(|_| self.has_param(parameter)) {
                errors.push(format!("param.{parameter} and {option} are both set: unset one"));
            }
        }
    }
}

/// The most claims that an error names.
const MOST_CLAIMS: usize = 3;

/// Returns true if `param.NAME` has a value.
fn has(values: &Values, parameter: &str) -> bool {
    matches!(values.params.get(parameter), Some(Some(_)))
}

const NO_CREDENTIAL: &str = "no credential is set: set client_secret_file (a shared secret), signing_key_file (a private \
                             key), client_assertion_file (a token from elsewhere), client_cert_file (mutual TLS), or \
                             auth_method=none for a client that has none";

#[cfg(test)]
mod tests;
