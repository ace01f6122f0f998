//! What a provider's own documentation says, as data: the options that a program would otherwise have to set itself.
//!
//! No row may do anything that options cannot. An option given beside `provider` wins over its row.

/// A service, and what its documentation makes of the options.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    /// Names as [`find`](crate::config::options::find) returns them.
    pub(crate) options: &'static [(&'static str, &'static str)],
}

static PROVIDERS: &[Provider] = &[
    // Podero writes `base64(client_id:client_secret)`. Its answers are those of django-oauth-toolkit, which decodes what
    // RFC 6749 encodes; for the secrets that Podero issues the two are the same.
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
    // Gardin's shape is Amazon Cognito's. Its "Username" is the client id, its "Password" the client secret.
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

pub(crate) fn all() -> &'static [Provider] {
    PROVIDERS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::find;

    #[test]
    fn every_row_is_a_legal_setting_under_its_own_name() {
        for provider in all() {
            for (name, value) in provider.options {
                let (option, kept) = find(name).unwrap();
                assert_eq!(kept, *name);
                assert_eq!(option.check(name, value).unwrap().expose(), *value);
            }
        }
    }

    #[test]
    fn every_provider_says_where_tokens_are_fetched() {
        for provider in all() {
            assert!(provider.options.iter().any(|(name, url)| *name == "token_url" && url.starts_with("https://")));
        }
    }
}
