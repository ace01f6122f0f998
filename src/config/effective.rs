//! The options in effect: the values that were set, over a provider's, over the defaults. Together they make the settings,
//! or an error that reports all that is wrong with them.
//!
//! The environment is a parameter, and the files of the credentials are the only ones that are read. This file must not parse a value:
//! that happened in `parsers.rs`, when it was set.

use crate::{
    config::{
        authentication::{Authentication, ClientId, OptionsTogether},
        credential::{ClientCredentials, TextOrFile},
        endpoint::Endpoint,
        environment::Environment,
        names::OptionName,
        options::defaults,
        proxy::ProxyRules,
        settings::{AuthMethod, BasicEncoding, Ca, Identity, Roots, Server, Settings, Signing, SigningPurpose},
        values::{Members, Values},
    },
    error::{Error, ErrorKind},
    secret::Secret,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

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
    let options = EffectiveOptions::new(values)?;
    let mut errors = Vec::new();
    let server = collect_error(&mut errors, options.server());
    let grant_type = options.grant_type();
    let together = OptionsTogether { own: options.own, effective: &options.values, grant_type };
    let authentication = together.authentication(&mut errors);
    let grant = together.grant(&mut errors);
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
    let signing = authentication.signs.map(|purpose| options.signing(purpose, &server));
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
}

impl<'a> EffectiveOptions<'a> {
    /// Adds the provider's values for the options that are not set. The defaults are added where an option is read.
    fn new(own: &'a Values) -> Result<Self, Error> {
        let mut values = own.clone();
        for (name, text) in own.provider.map_or(&[][..], |provider| provider.options) {
            if !own.is_set(&OptionName::find(name)?) {
                values.set(name, Some(text))?;
            }
        }
        Ok(Self { own, values })
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
        let is_basic = authentication.is_some_and(|it| it.method == AuthMethod::ClientSecretBasic);
        let credentials = ClientCredentials {
            id: one_of(id, line(&values.client_id_file, "client_id_file", "id")),
            secret: one_of(
                values.client_secret.clone().map(TextOrFile::Text),
                line(&values.client_secret_file, "client_secret_file", "secret"),
            ),
            client_assertion: line(&values.client_assertion_file, "client_assertion_file", "assertion"),
            assertion: line(&values.assertion_file, "assertion_file", "assertion"),
            subject_token: line(&values.subject_token_file, "subject_token_file", "token"),
            refresh_token: line(&values.refresh_token_file, "refresh_token_file", "token"),
            id_ends_at_colon: is_basic && self.basic_encoding() == BasicEncoding::Raw,
        };
        collect_error(errors, credentials.read().1.map_err(|error| error.message().to_owned()));
        credentials
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
            key_id: values.signing_key_id.clone(),
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
