//! The options in effect: the values that were set, over a provider's, over the defaults. Together they make the settings,
//! or an error that reports all that is wrong with them.
//!
//! The environment is a parameter, and the secret file is the only file that is read. This file must not parse a value:
//! that happened in `parsers.rs`, when it was set.

use crate::{
    config::{
        credential::{ClientCredentials, TextOrFile},
        endpoint::Endpoint,
        environment::Environment,
        names::OptionName,
        options::defaults,
        proxy::ProxyRules,
        settings::{AuthMethod, BasicEncoding, Ca, Identity, Roots, Settings},
        values::{Members, Values},
    },
    error::{Error, ErrorKind},
    secret::Secret,
};
use std::{path::Path, time::Duration};

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
    let endpoint = collect_error(&mut errors, options.endpoint());
    let credentials = options.credentials(&mut errors);
    collect_error(&mut errors, options.params());
    let roots = collect_error(&mut errors, options.roots(environment));
    let identity = collect_error(&mut errors, options.identity());
    let proxies = options.proxies(environment);
    if let Some(endpoint) = &endpoint {
        collect_error(&mut errors, proxies.proxy_for(endpoint));
    }
    let (Some(endpoint), Some(credentials), Some(roots), Some(identity), true) =
        (endpoint, credentials, roots, identity, errors.is_empty())
    else {
        return Err(Error::new(ErrorKind::InvalidConfig, errors.join("; ")));
    };
    let (auth_method, basic_encoding) = (options.auth_method(), options.basic_encoding());
    let values = options.values;
    Ok(Settings {
        endpoint,
        credentials,
        auth_method,
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
struct EffectiveOptions {
    values: Values,
}

impl EffectiveOptions {
    /// Adds the provider's values for the options that are not set. The defaults are added where an option is read.
    fn new(values: &Values) -> Result<Self, Error> {
        let mut effective = values.clone();
        for (name, text) in values.provider.map_or(&[][..], |provider| provider.options) {
            if !values.is_set(&OptionName::find(name)?) {
                effective.set(name, Some(text))?;
            }
        }
        Ok(Self { values: effective })
    }

    fn auth_method(&self) -> AuthMethod {
        self.values.auth_method.unwrap_or_default()
    }

    fn basic_encoding(&self) -> BasicEncoding {
        self.values.basic_encoding.unwrap_or_default()
    }

    fn endpoint(&self) -> Result<Endpoint, String> {
        let mut endpoint = self.values.token_url.clone().ok_or("neither provider nor token_url is set: set one")?;
        endpoint.must_be_loopback &= !self.values.allow_insecure_http.unwrap_or(defaults::ALLOW_INSECURE_HTTP);
        if endpoint.must_be_loopback && !endpoint.is_loopback() {
            return Err(
                "token_url is http to another machine, so the secret can be read on the network: use https, or set \
                 allow_insecure_http=true"
                    .into(),
            );
        }
        Ok(endpoint)
    }

    /// Returns the id and the secret of the client, whose files are usable now.
    fn credentials(&self, errors: &mut Vec<String>) -> Option<ClientCredentials> {
        let (id, secret) = (collect_error(errors, self.client_id()), collect_error(errors, self.client_secret()));
        let id_ends_at_colon = match (self.auth_method(), self.basic_encoding()) {
            (AuthMethod::ClientSecretBasic, BasicEncoding::Raw) => true,
            (AuthMethod::ClientSecretBasic, BasicEncoding::Rfc6749) | (AuthMethod::ClientSecretPost, _) => false,
        };
        // One that is missing must not hide what is wrong with the other.
        let absent = || TextOrFile::Text(Secret::new(""));
        let is_complete = id.is_some() && secret.is_some();
        let credentials = ClientCredentials {
            id: id.unwrap_or_else(absent),
            secret: secret.unwrap_or_else(absent),
            id_ends_at_colon,
        };
        collect_error(errors, credentials.read().1.map_err(|error| error.message().to_owned()));
        is_complete.then_some(credentials)
    }

    fn client_id(&self) -> Result<TextOrFile, String> {
        match (&self.values.client_id, &self.values.client_id_file) {
            (Some(text), None) => Ok(TextOrFile::Text(Secret::new(text.as_str()))),
            (None, Some(path)) => Ok(TextOrFile::File { path: path.clone(), named_by: "client_id_file", what: "id" }),
            (Some(_), Some(_)) => Err("client_id and client_id_file are both set: unset one".into()),
            (None, None) => Err("client_id is not set: set it".into()),
        }
    }

    fn client_secret(&self) -> Result<TextOrFile, String> {
        match (&self.values.client_secret, &self.values.client_secret_file) {
            (Some(text), None) => Ok(TextOrFile::Text(text.clone())),
            (None, Some(path)) => {
                Ok(TextOrFile::File { path: path.clone(), named_by: "client_secret_file", what: "secret" })
            }
            (Some(_), Some(_)) => Err("client_secret and client_secret_file are both set: unset one".into()),
            (None, None) => Err("neither client_secret nor client_secret_file is set: set one (client_secret may be \
                                 empty, for a client that has none)"
                .into()),
        }
    }

    /// Returns an error if a parameter would be sent twice.
    fn params(&self) -> Result<(), String> {
        let sent_by_method: &[&str] = match self.auth_method() {
            AuthMethod::ClientSecretBasic => &[],
            AuthMethod::ClientSecretPost => &["client_id", "client_secret"],
        };
        let is_set = |name: &&&str| matches!(self.values.params.get(**name), Some(Some(_)));
        let twice: Vec<_> = sent_by_method.iter().filter(is_set).map(|name| format!("param.{name}")).collect();
        if twice.is_empty() {
            return Ok(());
        }
        let (twice, method) = (twice.join(" and "), self.auth_method().word());
        Err(format!("auth_method={method} sends the same parameter as {twice}: unset {twice}"))
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
