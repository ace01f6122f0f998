//! The options in effect: the values that were set, over a provider's, over the defaults. Together they make the settings,
//! or an error that reports all that is wrong with them.
//!
//! The environment is a parameter, and the files of the credentials are the only ones that are read. This file must not parse a value:
//! that happened in `parsers.rs`, when it was set.

use crate::{
    config::{
        authentication::{Authentication, ClientId, OptionsTogether},
        credential::{ClientCredentials, SignerCredentials, TextOrFile},
        endpoint::Endpoint,
        environment::Environment,
        options::defaults,
        provider_file,
        provider_values::{Fault, ProviderFile, ProviderValues},
        proxy::ProxyRules,
        settings::{
            AuthMethod, BasicEncoding, Ca, GrantParameters, Identity, Roots, Server, Settings, Signing, SigningPurpose,
        },
        values::{Members, Values},
    },
    error::{Error, ErrorKind},
    jose::NEITHER_PEM_NOR_JSON,
    secret::Secret,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The most faults of a provider's values that an error reports.
const MOST_FAULTS: usize = 5;

/// Returns the number in the text of a default, while the library is compiled.
const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a default is digits"),
    }
}

const fn seconds(text: &str) -> Duration {
    Duration::from_secs(number(text) as u64)
}

/// Checks the options together, and returns the settings that they make. One error reports all that is missing or
/// contradictory.
pub(crate) fn settings(values: &Values, environment: &Environment<'_>) -> Result<Settings, Error> {
    let file = values.provider_file.as_ref().map(|path| {
        let file = TextOrFile::Document { path: path.clone(), named_by: "provider_file", not_text: "it is not UTF-8" };
        let lines = provider_file::parse(file.read().1?.expose()).map_err(|wrong| file.unusable(&wrong))?;
        Ok(ProviderFile { lines, error_prefix: file.unusable("").message().to_owned() })
    });
    settings_with(values, file.transpose()?, environment)
}

/// Does what [`settings`] does, with this text in place of a provider file.
#[cfg(any(fuzzing, test))]
pub(crate) fn settings_with_provider_file(
    values: &Values,
    text: &str,
    environment: &Environment<'_>,
) -> Result<Settings, Error> {
    let values = Values { provider_file: Some("/provider-file".into()), ..values.clone() };
    let error_prefix = "option provider_file: /provider-file: ".to_owned();
    let lines = provider_file::parse(text)
        .map_err(|wrong| Error::new(ErrorKind::InvalidConfig, [&*error_prefix, &wrong].concat()))?;
    settings_with(&values, Some(ProviderFile { lines, error_prefix }), environment)
}

fn settings_with(
    values: &Values,
    file: Option<ProviderFile>,
    environment: &Environment<'_>,
) -> Result<Settings, Error> {
    let options = EffectiveOptions::new(values, file)?;
    let mut errors = options.unknown_variables.clone();
    let server = if options.lacks_server_for_fault() { None } else { collect_error(&mut errors, options.server()) };
    let grant_type = options.grant_type();
    let together = OptionsTogether { own: options.own, effective: &options.values, grant_type };
    let authentication = together.authentication(&mut errors);
    let grant = together.grant(&mut errors);
    errors.extend(options.faults(authentication.as_ref(), &grant));
    let credentials = options.credentials(authentication.as_ref(), &mut errors);
    let roots = collect_error(&mut errors, options.roots(environment));
    let identity = collect_error(&mut errors, options.identity());
    let proxies = options.proxies(environment);
    if let Some(server) = &server {
        collect_error(&mut errors, proxies.proxy_for(server.endpoint()));
    }
    let (Some(server), Some(authentication), Some(roots), Some(identity), true) =
        (server, authentication, roots, identity, errors.is_empty())
    else {
        return Err(Error::new(ErrorKind::InvalidConfig, errors.join("; ")));
    };
    let signing = authentication.signs.map(|purpose| Box::new(options.signing(purpose, &server)));
    let basic_encoding = options.basic_encoding();
    let values = options.values;
    Ok(Settings {
        server,
        credentials,
        auth_method: authentication.method,
        sends_client_id: authentication.client_id != ClientId::NotSent,
        signing,
        grant,
        basic_encoding,
        body_format: values.body_format.unwrap_or_default(),
        grant_type: Some(values.grant_type.unwrap_or_else(|| defaults::GRANT_TYPE.to_owned()))
            .filter(|grant_type| grant_type != "none"),
        scope: values.scope,
        audience: values.audience,
        resource: values.resource.unwrap_or_default(),
        params: sent(values.params),
        headers: sent(values.headers),
        response_access_token: values.response_access_token,
        response_expires_in: values.response_expires_in,
        response_expires_at: values.response_expires_at,
        token_type: values.token_type,
        timeout: values.timeout.unwrap_or(const { seconds(defaults::TIMEOUT) }),
        connect_timeout: values.connect_timeout.unwrap_or(const { seconds(defaults::CONNECT_TIMEOUT) }),
        max_attempts: values.max_attempts.unwrap_or(const { number(defaults::MAX_ATTEMPTS) }),
        refresh: values.refresh.unwrap_or_default(),
        refresh_ahead: values.refresh_ahead,
        expiry_margin: values.expiry_margin,
        max_lifetime: values.max_lifetime,
        default_lifetime_is_set: values.default_lifetime.is_some(),
        default_lifetime: values.default_lifetime.unwrap_or(const { seconds(defaults::DEFAULT_LIFETIME) }),
        roots,
        unread_ca_variables: environment.unread_ca_variables(),
        identity,
        proxies,
        user_agent: values.user_agent.unwrap_or_else(|| defaults::USER_AGENT.to_owned()),
    })
}

/// What is wrong with a certificate that is no text.
const NOT_PEM: &str = "it is not PEM: convert it with openssl x509 -inform DER";

/// Returns the members of a family that are sent.
fn sent(members: Members) -> Vec<(String, Secret)> {
    members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Keeps what is wrong for the one error that reports everything.
fn collect_error<T>(errors: &mut Vec<String>, part: Result<T, String>) -> Option<T> {
    part.map_err(|wrong| errors.push(wrong)).ok()
}

/// The options in effect, read together. Each method returns one part of the settings, or what is wrong with it.
struct EffectiveOptions<'a> {
    /// What the program itself set.
    own: &'a Values,
    values: Values,
    /// Of the provider's values.
    faults: Vec<Fault>,
    unknown_variables: Vec<String>,
}

impl<'a> EffectiveOptions<'a> {
    /// Adds the provider's values for the options that are not set. The defaults are added where an option is read.
    fn new(own: &'a Values, file: Option<ProviderFile>) -> Result<Self, Error> {
        let ProviderValues { values, faults, unknown_variables } = ProviderValues::new(own, file)?;
        Ok(Self { own, values, faults, unknown_variables })
    }

    /// Returns what is wrong with those of the provider's values that are in effect, each once.
    fn faults(&self, authentication: Option<&Authentication>, grant: &GrantParameters) -> Vec<String> {
        let signs = authentication.is_some_and(|it| it.signs.is_some());
        let has = |option: &str, is_set: bool| is_set || self.faults.iter().any(|fault| fault.option == option);
        let is_in_effect = |option: &str| match option {
            "signing_algorithm" | "signing_cert_header" | "assertion_lifetime" | "assertion_typ" | "claim.NAME" => {
                signs
            }
            "assertion_audience" => signs && self.own.issuer.is_none(),
            "issuer" => {
                !has("token_url", self.values.token_url.is_some())
                    || signs && !has("assertion_audience", self.values.assertion_audience.is_some())
            }
            "subject_token_type" | "requested_token_type" => matches!(grant, GrantParameters::TokenExchange { .. }),
            "basic_encoding" => authentication.is_some_and(|it| it.method == AuthMethod::ClientSecretBasic),
            _ => true,
        };
        let mut messages = Vec::new();
        for fault in self.faults.iter().filter(|fault| is_in_effect(fault.option)) {
            if !messages.contains(&fault.wrong) && messages.len() < MOST_FAULTS {
                messages.push(fault.wrong.clone());
            }
        }
        messages
    }

    /// Returns true if a fault of the provider's values is why no server is known. It is reported with the others.
    fn lacks_server_for_fault(&self) -> bool {
        let names_server = |fault: &Fault| ["token_url", "issuer"].contains(&fault.option);
        self.values.token_url.is_none() && self.faults.iter().any(names_server)
    }

    fn grant_type(&self) -> &str {
        self.values.grant_type.as_deref().unwrap_or(defaults::GRANT_TYPE)
    }

    fn basic_encoding(&self) -> BasicEncoding {
        self.values.basic_encoding.unwrap_or_default()
    }

    /// Returns where the token endpoint is known from. An issuer next to a token_url is only the audience of assertions.
    fn server(&self) -> Result<Server, String> {
        let checked = |endpoint: &Endpoint, named_by| {
            let mut endpoint = endpoint.clone();
            endpoint.must_be_loopback &= !self.values.allow_insecure_http.unwrap_or(defaults::ALLOW_INSECURE_HTTP);
            if endpoint.must_be_loopback && !endpoint.is_loopback() {
                return Err(format!(
                    "{named_by} is http to another machine, so the secret can be read on the network: use https, or set \
                     allow_insecure_http=true"
                ));
            }
            Ok(endpoint)
        };
        match (&self.values.token_url, &self.values.issuer) {
            (Some(url), _) => checked(url, "token_url").map(Server::TokenUrl),
            (None, Some(issuer)) => checked(issuer, "issuer").map(Server::Issuer),
            (None, None) => Err("neither provider, token_url nor issuer is set: set one".into()),
        }
    }

    /// Returns the credentials, whose files are usable now. Two options for one credential are reported elsewhere.
    fn credentials(&self, authentication: Option<&Authentication>, errors: &mut Vec<String>) -> ClientCredentials {
        let values = &self.values;
        let line = |path: &Option<PathBuf>, named_by, what| {
            let path = path.clone()?;
            Some(TextOrFile::File { path, named_by, what })
        };
        let one_of = |text: Option<TextOrFile>, file: Option<TextOrFile>| match (text, file) {
            (Some(_), Some(_)) => None,
            (text, file) => text.or(file),
        };
        let id = values.client_id.as_deref().map(|id| TextOrFile::Text(Secret::new(id)));
        let id = one_of(id, line(&values.client_id_file, "client_id_file", "id"));
        let is_basic = authentication.is_some_and(|it| it.method == AuthMethod::ClientSecretBasic);
        let credentials = ClientCredentials {
            signer: authentication.and_then(|it| self.signer(it)).map(Box::new),
            id,
            secret: one_of(
                values.client_secret.clone().map(TextOrFile::Text),
                line(&values.client_secret_file, "client_secret_file", "secret"),
            ),
            client_assertion: line(&values.client_assertion_file, "client_assertion_file", "assertion").map(Box::new),
            assertion: line(&values.assertion_file, "assertion_file", "assertion").map(Box::new),
            subject_token: line(&values.subject_token_file, "subject_token_file", "token").map(Box::new),
            refresh_token: line(&values.refresh_token_file, "refresh_token_file", "token").map(Box::new),
            id_ends_at_colon: is_basic && self.basic_encoding() == BasicEncoding::Raw,
        };
        let tried = credentials.read().1.and_then(|texts| credentials.try_to_sign(&texts));
        collect_error(errors, tried.map_err(|error| error.message().to_owned()));
        credentials
    }

    /// Returns what signs the assertions, if this library signs any.
    fn signer(&self, authentication: &Authentication) -> Option<SignerCredentials> {
        let (values, purpose) = (&self.values, authentication.signs?);
        let document =
            |path: &PathBuf, named_by, not_text| TextOrFile::Document { path: path.clone(), named_by, not_text };
        let (key, named_by) = match (purpose, authentication.method, &values.signing_key_file, &values.signing_key) {
            (SigningPurpose::ClientAssertion, AuthMethod::ClientSecretJwt, ..) if values.client_secret.is_some() => {
                (None, "client_secret")
            }
            (SigningPurpose::ClientAssertion, AuthMethod::ClientSecretJwt, ..) => (None, "client_secret_file"),
            (_, _, Some(path), None) => {
                (Some(document(path, "signing_key_file", NEITHER_PEM_NOR_JSON)), "signing_key_file")
            }
            (_, _, None, Some(text)) => (Some(TextOrFile::Text(text.clone())), "signing_key"),
            (_, _, None, None) | (_, _, Some(_), Some(_)) => return None,
        };
        let certificate = values.signing_cert_file.as_ref();
        let has_id = values.client_id.is_some() || values.client_id_file.is_some();
        let names_issuer = has_id || matches!(values.claims.get("iss"), Some(Some(_)));
        Some(SignerCredentials {
            key,
            named_by,
            key_id: values.signing_key_id.clone(),
            algorithm: values.signing_algorithm,
            certificate: certificate.map(|path| document(path, "signing_cert_file", NOT_PEM)),
            key_names_issuer: purpose == SigningPurpose::Grant && !names_issuer,
        })
    }

    fn signing(&self, purpose: SigningPurpose, server: &Server) -> Signing {
        let (own, values) = (self.own, &self.values);
        let url = |endpoint: &Option<Endpoint>| endpoint.as_ref().map(|endpoint| endpoint.url.clone());
        // A server's document never chooses the audience: it could make an assertion valid at another server
        // (CVE-2025-27370).
        let audience = own.assertion_audience.clone().or_else(|| url(&own.issuer));
        let audience = audience.or_else(|| values.assertion_audience.clone()).or_else(|| url(&values.issuer));
        Signing {
            purpose,
            algorithm: values.signing_algorithm,
            cert_header: values.signing_cert_header.unwrap_or_default(),
            audience: audience.unwrap_or_else(|| server.endpoint().url.clone()),
            issuer: url(&values.issuer),
            lifetime: values.assertion_lifetime.unwrap_or(const { seconds(defaults::ASSERTION_LIFETIME) }),
            typ: values.assertion_typ.clone().unwrap_or_else(|| defaults::ASSERTION_TYP.to_owned()),
            claims: sent(values.claims.clone()),
        }
    }

    fn roots(&self, environment: &Environment<'_>) -> Result<Roots, String> {
        match (self.values.ca, &self.values.ca_file) {
            (Some(_), Some(_)) => Err("ca and ca_file are both set: unset one".into()),
            (None, Some(path)) => Ok(Roots::File { path: path.clone(), named_by: "ca_file" }),
            (Some(ca), None) => Ok(ca.into()),
            (None, None) => {
                let absolute = |variable: &'static str, path: &Path| {
                    std::path::absolute(path).map_err(|error| format!("{variable}: {error}"))
                };
                let file = environment.ca_file().map(|file| absolute(file.name, Path::new(file.value.as_str())));
                let file = file.transpose()?;
                let directories = environment.ca_directories().map(|directories| {
                    let paths = std::env::split_paths(directories.value.as_str());
                    let paths = paths.filter(|path| !path.as_os_str().is_empty());
                    paths.map(|path| absolute(directories.name, &path)).collect::<Result<Vec<_>, _>>()
                });
                match (file, directories.transpose()?.unwrap_or_default()) {
                    (None, directories) if directories.is_empty() => Ok(Ca::DEFAULT.into()),
                    (Some(path), directories) if directories.is_empty() => {
                        Ok(Roots::File { path, named_by: "SSL_CERT_FILE" })
                    }
                    (file, directories) => Ok(Roots::Environment { file, directories }),
                }
            }
        }
    }

    fn identity(&self) -> Result<Option<Identity>, String> {
        match (&self.values.client_cert_file, &self.values.client_key_file) {
            (Some(cert), Some(key)) => Ok(Some(Identity { cert: cert.clone(), key: key.clone() })),
            (None, None) => Ok(None),
            (Some(_), None) => Err("client_cert_file is set without client_key_file: set both".into()),
            (None, Some(_)) => Err("client_key_file is set without client_cert_file: set both".into()),
        }
    }

    fn proxies(&self, environment: &Environment<'_>) -> ProxyRules {
        match &self.values.proxy {
            Some(choice) => ProxyRules::Option(choice.clone()),
            None => ProxyRules::of_environment(environment),
        }
    }
}

#[cfg(test)]
mod tests;
