//! The values of the provider's row and file, with the variables filled in, for the options that the program has not set.
//!
//! Pure: the file was read elsewhere. This file must not decide which values are in effect: `effective.rs` does, and a fault
//! of a value that is not is no error.

use crate::{
    config::{
        names::OptionName,
        provider_file,
        template::{Template, Unfilled},
        values::Values,
    },
    error::Error,
    redact::truncate,
    secret::Secret,
    words::SHOWN,
};
use std::collections::{BTreeMap, BTreeSet};

/// The most variables that an error names.
const MOST_VARIABLES: usize = 3;

/// A provider file that was read, and how an error about it begins.
pub(crate) struct ProviderFile {
    pub(crate) lines: Vec<provider_file::Line>,
    pub(crate) error_prefix: String,
}

/// What the program has set over what its provider says.
pub(crate) struct ProviderValues {
    pub(crate) values: Values,
    pub(crate) faults: Vec<Fault>,
    /// The variables of the program that no value of the provider has.
    pub(crate) unknown_variables: Vec<String>,
}

/// Why an option has no value from the provider.
pub(crate) struct Fault {
    /// The name of the row, such as `claim.NAME`.
    pub(crate) option: &'static str,
    pub(crate) wrong: String,
}

/// What a provider says about one option.
struct Said {
    name: OptionName,
    text: Secret,
    /// In a provider file.
    line: Option<usize>,
}

impl ProviderValues {
    /// Fills in the values of the row, then those of the file, then those of the program.
    pub(crate) fn new(program: &Values, file: Option<ProviderFile>) -> Result<Self, Error> {
        let (lines, error_prefix) = file.map_or_else(Default::default, |file| (file.lines, file.error_prefix));
        let mut said = Vec::new();
        for (name, text) in program.provider.map_or(&[][..], |provider| provider.options) {
            said.push(Said { name: OptionName::find(name)?, text: Secret::new(*text), line: None });
        }
        said.extend(lines.into_iter().map(|line| Said { name: line.name, text: line.text, line: Some(line.number) }));
        let unknown_variables = unknown_variables(program, &said);
        // The file's value replaces the row's. The order of names is that of the errors.
        let mut by_name = BTreeMap::new();
        for said in said {
            by_name.insert(said.name.full(), said);
        }
        let (mut values, mut faults) = (program.clone(), Vec::new());
        for (name, said) in by_name.iter().filter(|(_, said)| !program.is_set(&said.name)) {
            let wrong = match said.filled(program) {
                Ok(text) => values.set(name, Some(text.expose())).map_err(|error| match said.line {
                    Some(line) => vec![format!("{error_prefix}line {line}: {}", error.message())],
                    None => vec![error.message().to_owned()],
                }),
                Err(wrong) => Err(wrong),
            };
            let option = said.name.option.name();
            faults.extend(wrong.err().into_iter().flatten().map(|wrong| Fault { option, wrong }));
        }
        Ok(Self { values, faults, unknown_variables })
    }
}

impl Said {
    fn filled(&self, program: &Values) -> Result<Secret, Vec<String>> {
        let named_by = match (self.line, program.provider) {
            (None, Some(provider)) => format!("provider={}", provider.name),
            _ => "provider_file".to_owned(),
        };
        let value_of = |name: &str| program.variables.get(name)?.as_ref().map(Secret::expose);
        let template = Template::parse(self.text.expose()).map_err(|wrong| vec![wrong])?;
        template.fill(&value_of).map_err(|unfilled| {
            let message = |unfilled: &Unfilled<'_>| match unfilled {
                Unfilled::Missing(name) => format!("{named_by} needs variable.{}: set it", truncate(name, SHOWN)),
                Unfilled::Invalid(name, must_be) => {
                    format!("variable.{} is not valid: {must_be}", truncate(name, SHOWN))
                }
            };
            unfilled.iter().map(message).collect()
        })
    }
}

fn unknown_variables(program: &Values, said: &[Said]) -> Vec<String> {
    let templates = said.iter().filter_map(|said| Template::parse(said.text.expose()).ok());
    let known: BTreeSet<_> = templates.flat_map(|template| template.variables()).collect();
    let set = program.variables.iter().filter_map(|(name, value)| value.as_ref().map(|_| name.as_str()));
    let unknown = set.filter(|name| !known.contains(name)).take(MOST_VARIABLES);
    let message = |name| {
        let name = format!("variable.{}", truncate(name, SHOWN));
        match (program.provider, &program.provider_file) {
            (None, None) => format!("{name} is set without provider: unset it"),
            (Some(provider), None) => format!("provider={} has no {name}: unset it", provider.name),
            (None, Some(_)) => format!("provider_file has no {name}: unset it"),
            (Some(provider), Some(_)) => {
                format!("neither provider={} nor provider_file has {name}: unset it", provider.name)
            }
        }
    };
    unknown.map(message).collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        config::{Config, Server, Settings},
        error::Error,
    };

    const CLIENT: [(&str, &str); 2] =
        [("client_id", "id"), ("client_secret", "hunter2-hunter2-hunter2-hunter2-hunter2")];

    fn made(options: &[(&str, &str)], file: Option<&str>) -> Result<Settings, Error> {
        let mut config = Config::new();
        for (name, value) in options {
            config.set(name, *value).unwrap();
        }
        match file {
            Some(text) => config.settings_with_provider_file(text, &|_| None),
            None => config.settings(&|_| None),
        }
    }

    fn settings(options: &[(&str, &str)], file: Option<&str>) -> Settings {
        made(&[&CLIENT[..], options].concat(), file).unwrap()
    }

    fn rejected(options: &[(&str, &str)], file: Option<&str>) -> String {
        made(&[&CLIENT[..], options].concat(), file).unwrap_err().message().to_owned()
    }

    fn url(settings: &Settings) -> &str {
        match &settings.server {
            Server::TokenUrl(endpoint) | Server::Issuer(endpoint) => &endpoint.url,
        }
    }

    #[test]
    fn a_rows_variables_are_filled() {
        for (provider, variables, token_url) in [
            ("entra", &[("tenant", "a-tenant")][..], "https://login.microsoftonline.com/a-tenant/oauth2/v2.0/token"),
            ("auth0", &[("host", "t.us.auth0.com")], "https://t.us.auth0.com/oauth/token"),
            ("okta", &[("host", "d.okta.com")], "https://d.okta.com/oauth2/v1/token"),
            (
                "okta-custom",
                &[("host", "d.okta.com"), ("server", "default")],
                "https://d.okta.com/oauth2/default/v1/token",
            ),
            (
                "keycloak",
                &[("host", "localhost:8443"), ("realm", "master")],
                "https://localhost:8443/realms/master/protocol/openid-connect/token",
            ),
            ("cognito", &[("host", "[::1]")], "https://[::1]/oauth2/token"),
            ("salesforce", &[("host", "d.my.salesforce.com")], "https://d.my.salesforce.com/services/oauth2/token"),
            ("ebay", &[], "https://api.ebay.com/identity/v1/oauth2/token"),
            ("ebay-sandbox", &[], "https://api.sandbox.ebay.com/identity/v1/oauth2/token"),
        ] {
            let variables: Vec<_> =
                variables.iter().map(|(name, value)| (format!("variable.{name}"), *value)).collect();
            let mut options = vec![("provider", provider)];
            options.extend(variables.iter().map(|(name, value)| (name.as_str(), *value)));
            assert_eq!(url(&settings(&options, None)), token_url);
        }
    }

    #[test]
    fn what_is_wrong_with_a_variable_is_reported() {
        let entra = ("provider", "entra");
        assert_eq!(rejected(&[entra], None), "provider=entra needs variable.tenant: set it");
        let both =
            "provider=okta-custom needs variable.host: set it; provider=okta-custom needs variable.server: set it";
        assert_eq!(rejected(&[("provider", "okta-custom")], None), both);
        let file = "token_url=https://{host}/t\nscope={host}.{host}";
        assert_eq!(rejected(&[], Some(file)), "provider_file needs variable.host: set it");
        for (value, wrong) in [("..", "one path segment"), ("a:b", "one path segment"), ("[a]", "one path segment")] {
            let message = rejected(&[entra, ("variable.tenant", value)], None);
            assert_eq!(message, format!("variable.tenant is not valid: it must be {wrong}"));
        }
        for value in ["a..b", "host:0", "h:", "[::1", "1.2", ".", ":1"] {
            let message = rejected(&[("provider", "auth0"), ("variable.host", value)], None);
            assert_eq!(message, "variable.host is not valid: it must be a host or host:port", "{value}");
        }
        let unknown = ("variable.tenant", "a");
        for (options, message) in [
            (&[("provider", "podero"), unknown][..], "provider=podero has no variable.tenant: unset it"),
            (&[("token_url", "https://h/t"), unknown], "variable.tenant is set without provider: unset it"),
        ] {
            assert_eq!(rejected(options, None), message);
        }
        let file = Some("token_url=https://{host}/t");
        let host = ("variable.host", "h");
        assert_eq!(rejected(&[host, unknown], file), "provider_file has no variable.tenant: unset it");
        let both = "neither provider=podero nor provider_file has variable.tenant: unset it";
        assert_eq!(rejected(&[("provider", "podero"), host, unknown], file), both);
        // A name in another case is another variable.
        let wrong_case = rejected(&[entra, ("variable.Tenant", "a")], None);
        assert!(wrong_case.contains("provider=entra needs variable.tenant: set it"), "{wrong_case}");
        assert!(wrong_case.contains("provider=entra has no variable.Tenant: unset it"), "{wrong_case}");
    }

    #[test]
    fn a_variable_is_needed_only_by_values_in_effect() {
        let replaced = settings(&[("provider", "entra"), ("token_url", "https://h/t")], None);
        assert_eq!(url(&replaced), "https://h/t");
        // A variable that only a replaced value has is no error either.
        settings(&[("provider", "entra"), ("token_url", "https://h/t"), ("variable.tenant", "a")], None);
        let file = "token_url=https://h/t\nassertion_audience=https://{host}/\nclaim.a={b}\nsubject_token_type=urn:{c}\n\
                    issuer=https://{d}/";
        settings(&[], Some(file));
        let signed = rejected(&[("auth_method", "client_secret_jwt")], Some(file));
        assert_eq!(signed, "provider_file needs variable.host: set it; provider_file needs variable.b: set it");
        settings(&[("provider", "entra")], Some("token_url=https://h/t"));
    }

    #[test]
    fn the_file_is_over_the_row_and_the_program_over_both() {
        let podero = ("provider", "podero");
        let exposed = |settings: Settings| {
            let headers: Vec<_> =
                settings.headers.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
            headers.join(" ")
        };
        assert_eq!(exposed(settings(&[podero], None)), "cache-control=no-cache");
        let file = Some("header.Cache-Control=from-file\nheader.x=1");
        assert_eq!(exposed(settings(&[podero], file)), "cache-control=from-file x=1");
        let program = ("header.cache-CONTROL", "from-program");
        assert_eq!(exposed(settings(&[podero, program], file)), "cache-control=from-program x=1");
        let url_of = |options: &[_], file| url(&settings(options, Some(file))).to_owned();
        assert_eq!(url_of(&[podero], "token_url=https://file/"), "https://file/");
        assert_eq!(url_of(&[podero, ("token_url", "https://own/")], "token_url=https://file/"), "https://own/");
    }

    #[test]
    fn what_the_program_unsets_does_not_come_back() {
        let mut config = Config::new();
        for (name, value) in CLIENT.iter().chain(&[("provider", "podero")]) {
            config.set(name, *value).unwrap();
        }
        let file = "header.x=1\nparam.p=2\nparam.q=3";
        for name in ["header.X", "header.Cache-Control", "param.p"] {
            config.set(name, None).unwrap();
        }
        let settings = config.settings_with_provider_file(file, &|_| None).unwrap();
        assert!(settings.headers.is_empty());
        assert_eq!(settings.params.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["q"]);
    }

    #[test]
    fn a_provider_file_is_read_when_the_source_is_made() {
        let path = std::env::temp_dir().join(format!("tks-provider-{}", std::process::id()));
        let named = path.to_str().unwrap();
        let options = [("provider_file", named), ("variable.host", "localhost:8443")];
        let message = rejected(&options, None);
        assert!(
            message.starts_with(&format!("option provider_file: {named}: it cannot be read (No such")),
            "{message}"
        );
        let check = |text: &[u8], wrong: &str| {
            std::fs::write(&path, text).unwrap();
            assert_eq!(rejected(&options, None), format!("option provider_file: {named}: {wrong}"));
        };
        check(b"scope=a\nca_file=/ca\n", "line 2: ca_file does not belong in a provider file: set it in the program");
        check("\u{feff}scope=a".as_bytes(), "it begins with a byte order mark: save it without one");
        check(b"scope=\xff", "it is not UTF-8");
        check(&[b'#'; (64 << 10) + 1], "it is larger than 64 KiB");
        check(b"", "it is empty");
        std::fs::write(&path, "token_url = https://{host}/token\r\n").unwrap();
        assert_eq!(url(&settings(&options, None)), "https://localhost:8443/token");
        std::fs::remove_file(&path).unwrap();
        let folder = std::env::temp_dir();
        let message = rejected(&[("provider_file", folder.to_str().unwrap())], None);
        assert!(message.ends_with(": it is not a regular file"), "{message}");
    }

    #[test]
    fn a_filled_value_passes_the_check_of_its_option() {
        let file = "token_url=https://h/t\ndefault_lifetime={life}\nmax_lifetime={life}";
        assert_eq!(settings(&[("variable.life", "60")], Some(file)).default_lifetime.as_secs(), 60);
        let message = rejected(&[("variable.life", "long")], Some(file));
        for line in ["line 2: option default_lifetime: \"long\"", "line 3: option max_lifetime: \"long\""] {
            assert!(message.contains(line), "{message}");
        }
        assert!(message.starts_with("option provider_file: "), "{message}");
        let long = "h.".repeat(126) + "h";
        assert!(url(&settings(&[("provider", "okta"), ("variable.host", &long)], None)).contains(&long));
    }
}
