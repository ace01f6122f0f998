//! The settings that a provider documents, as data: the options that a program would otherwise set itself.
//!
//! A row must not do anything that options cannot. An option that is set explicitly wins over the provider's row.

use crate::{c_text::const_join, words::one_of};
use std::fmt;

/// A service, and its options.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) options: &'static [(&'static str, &'static str)],
}

const PROVIDERS: &[Provider] = &[
    // Podero documents `base64(client_id:client_secret)`. Its responses are those of django-oauth-toolkit, which decodes
    // what RFC 6749 encodes. For the secrets that Podero issues the two are the same.
    Provider {
        name: "podero",
        options: &[
            ("token_url", "https://app.podero.com/oauth2/token/"),
            ("auth_method", "client_secret_basic"),
            ("basic_encoding", "rfc6749"),
            ("body_format", "json"),
            ("header.cache-control", "no-cache"),
        ],
    },
    Provider {
        name: "podero-sandbox",
        options: &[
            ("token_url", "https://sandbox-app.podero.com/oauth2/token/"),
            ("auth_method", "client_secret_basic"),
            ("basic_encoding", "rfc6749"),
            ("body_format", "json"),
            ("header.cache-control", "no-cache"),
        ],
    },
    // Gardin's dialect is that of Amazon Cognito. Its "Username" is the client id, its "Password" the client secret.
    Provider {
        name: "gardin",
        options: &[
            ("token_url", "https://login.gardin.ag/oauth2/token"),
            ("auth_method", "client_secret_basic"),
            ("basic_encoding", "raw"),
            ("body_format", "form"),
        ],
    },
];

/// The names as the option's help shows them.
pub(crate) const ALLOWED: &str = const_join!(&NAMES, " | ");

const NAMES: [&str; PROVIDERS.len()] = {
    let mut names = [""; PROVIDERS.len()];
    let mut row = 0;
    while row < names.len() {
        names[row] = PROVIDERS[row].name;
        row += 1;
    }
    names
};

/// Parses the name of a provider.
pub(crate) fn parse(text: &str) -> Result<&'static Provider, String> {
    one_of(text, PROVIDERS.iter().map(|provider| (provider.name, provider)))
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.name, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{names::OptionName, values::Values};

    #[test]
    fn each_option_of_a_provider_is_allowed_under_its_own_name() {
        for provider in PROVIDERS {
            for (name, value) in provider.options {
                assert_eq!(OptionName::find(name).unwrap().full(), *name);
                Values::default().set(name, Some(value)).unwrap();
            }
        }
    }

    #[test]
    fn each_provider_names_its_token_endpoint() {
        for provider in PROVIDERS {
            assert!(provider.options.iter().any(|(name, url)| *name == "token_url" && url.starts_with("https://")));
        }
    }
}
