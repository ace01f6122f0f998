//! The settings that a provider documents, as data: the options that a program would otherwise set itself.
//!
//! A row must not do anything that options cannot. An option that is set explicitly wins over the provider's row. `{NAME}` in
//! a value is filled by `variable.NAME`. A new row needs the vendor's page in its comment.

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
    // https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
    // https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials (PS256 and x5t#S256)
    Provider {
        name: "entra",
        options: &[
            ("token_url", "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"),
            ("auth_method", "client_secret_post"),
            ("signing_algorithm", "PS256"),
            ("signing_cert_header", "x5t#S256"),
        ],
    },
    // https://auth0.com/docs/get-started/authentication-and-authorization-flow/client-credentials-flow/call-your-api-using-the-client-credentials-flow
    // https://auth0.com/docs/get-started/authentication-and-authorization-flow/authenticate-with-private-key-jwt (the
    // audience, with its slash)
    Provider {
        name: "auth0",
        options: &[
            ("token_url", "https://{host}/oauth/token"),
            ("auth_method", "client_secret_post"),
            ("assertion_audience", "https://{host}/"),
        ],
    },
    // https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/
    // Okta does not say which encoding HTTP Basic has. The ids and secrets that it issues are the same in both.
    Provider { name: "okta", options: &[("token_url", "https://{host}/oauth2/v1/token")] },
    // https://developer.okta.com/docs/guides/implement-grant-type/clientcreds/main/
    Provider { name: "okta-custom", options: &[("token_url", "https://{host}/oauth2/{server}/v1/token")] },
    // https://www.keycloak.org/docs/latest/server_admin/#_service_accounts
    // The audience is one value, and no list (https://github.com/keycloak/keycloak/issues/38751).
    Provider {
        name: "keycloak",
        options: &[
            ("token_url", "https://{host}/realms/{realm}/protocol/openid-connect/token"),
            ("assertion_audience", "https://{host}/realms/{realm}"),
        ],
    },
    // https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
    Provider { name: "cognito", options: &[("token_url", "https://{host}/oauth2/token"), ("basic_encoding", "raw")] },
    // https://developers.google.com/identity/protocols/oauth2/service-account
    Provider {
        name: "google",
        options: &[
            ("token_url", "https://oauth2.googleapis.com/token"),
            ("grant_type", JWT_BEARER),
            ("assertion_audience", "https://oauth2.googleapis.com/token"),
            ("assertion_lifetime", "3600"),
        ],
    },
    // https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
    Provider {
        name: "google-sts",
        options: &[
            ("token_url", "https://sts.googleapis.com/v1/token"),
            ("grant_type", TOKEN_EXCHANGE),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("auth_method", "none"),
        ],
    },
    // https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm
    Provider {
        name: "salesforce",
        options: &[("token_url", "https://{host}/services/oauth2/token"), ("auth_method", "client_secret_post")],
    },
    // https://developer.ebay.com/api-docs/static/oauth-client-credentials-grant.html
    // eBay does not say which encoding HTTP Basic has. The ids and secrets that it issues are the same in both.
    Provider {
        name: "ebay",
        options: &[
            ("token_url", "https://api.ebay.com/identity/v1/oauth2/token"),
            ("token_type", "Application Access Token"),
        ],
    },
    Provider {
        name: "ebay-sandbox",
        options: &[
            ("token_url", "https://api.sandbox.ebay.com/identity/v1/oauth2/token"),
            ("token_type", "Application Access Token"),
        ],
    },
];

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

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
    use crate::config::{names::OptionName, template::Template, values::Values};

    #[test]
    fn each_option_of_a_provider_is_allowed_under_its_own_name() {
        for provider in PROVIDERS {
            for (name, value) in provider.options {
                assert_eq!(OptionName::find(name).unwrap().full(), *name);
                let filled = Template::parse(value).unwrap().fill(&|_| Some("example.com")).unwrap();
                Values::default().set(name, Some(filled.expose())).unwrap();
            }
        }
    }

    #[test]
    fn each_provider_names_its_token_endpoint_and_each_option_once() {
        for provider in PROVIDERS {
            assert!(provider.options.iter().any(|(name, url)| *name == "token_url" && url.starts_with("https://")));
            let mut names: Vec<_> = provider.options.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), provider.options.len(), "{}", provider.name);
        }
    }

    #[test]
    fn a_provider_needs_the_variables_that_its_documentation_says() {
        let variables = |name: &str| {
            let values = parse(name).unwrap().options.iter().map(|(_, value)| *value);
            let mut names: Vec<_> = values.flat_map(|value| Template::parse(value).unwrap().variables()).collect();
            names.sort_unstable();
            names.dedup();
            names.join(" ")
        };
        for (name, needs) in [
            ("entra", "tenant"),
            ("auth0", "host"),
            ("okta", "host"),
            ("okta-custom", "host server"),
            ("keycloak", "host realm"),
            ("cognito", "host"),
            ("salesforce", "host"),
            ("google", ""),
            ("google-sts", ""),
            ("ebay", ""),
            ("ebay-sandbox", ""),
            ("podero", ""),
            ("podero-sandbox", ""),
            ("gardin", ""),
        ] {
            assert_eq!(variables(name), needs, "{name}");
        }
        assert_eq!(PROVIDERS.len(), 14);
    }
}
