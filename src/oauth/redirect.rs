//! Pure: the target of a redirect and what the caller can do about it.
//!
//! A redirect is never followed: a credential goes only to the URL that was configured.

use crate::config::{Endpoint, NamedBy};

/// Where a redirect points.
pub(crate) struct Target {
    /// Absolute. User information, query and fragment are left out, since any of them may hold a secret.
    pub(crate) url: String,
    pub(crate) advice: &'static str,
}

impl Target {
    /// Resolves a Location header against the token endpoint. Returns None if it is not an http or https URL.
    pub(crate) fn read(location: &str, endpoint: &Endpoint) -> Option<Self> {
        let location = without_query(location);
        let (own_scheme, own) = without_query(&endpoint.url).split_once("://")?;
        let (own_authority, own_path) = split_path(own);
        let (scheme, rest) = match location.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
                (scheme, rest.to_owned())
            }
            _ if location.is_empty() => (own_scheme, own.to_owned()),
            _ if location.starts_with("//") => (own_scheme, location[2..].to_owned()),
            _ if location.starts_with('/') => (own_scheme, format!("{own_authority}{location}")),
            _ if location.split('/').next()?.contains(':') => return None,
            _ => {
                let (folder, _) = own_path.rsplit_once('/').unwrap_or_default();
                (own_scheme, format!("{own_authority}{folder}/{location}"))
            }
        };
        let (authority, path) = split_path(&rest);
        let authority = authority.rsplit('@').next()?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().ok()?)),
            _ => (authority, None),
        };
        if host.is_empty() {
            return None;
        }
        let https = scheme.eq_ignore_ascii_case("https");
        let same_host = host.trim_matches(['[', ']']).eq_ignore_ascii_case(&endpoint.host);
        let same_port = port.unwrap_or(if https { 443 } else { 80 }) == endpoint.port;
        let same_origin = https == endpoint.https && same_host && same_port;
        let advice = if endpoint.named_by == NamedBy::Metadata {
            "the token_endpoint of issuer's metadata should name it: ask the server's operator"
        } else if same_origin && path == own_path {
            "that is token_url itself: ask the server's operator"
        } else if same_origin && path.trim_end_matches('/') == own_path.trim_end_matches('/') {
            "only a trailing slash differs: set token_url to it"
        } else if same_origin || https {
            "if that is the token endpoint, set token_url to it"
        } else {
            "that is not https: check token_url"
        };
        Some(Self { url: format!("{}://{authority}{path}", scheme.to_ascii_lowercase()), advice })
    }
}

fn split_path(url: &str) -> (&str, &str) {
    url.split_at(url.find('/').unwrap_or(url.len()))
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Server, Settings},
        error::ErrorKind,
        oauth::hints::WHICH_URL,
        oauth::response::tests::{error_of, read_with},
    };

    #[test]
    fn a_redirect_is_named_and_never_followed() {
        const SLASH: &str = "only a trailing slash differs: set token_url to it";
        const MAYBE: &str = "if that is the token endpoint, set token_url to it";
        const PLAIN: &str = "that is not https: check token_url";
        for (location, shown, next) in [
            ("https://auth.example.com/oauth2/token/", "https://auth.example.com/oauth2/token/", SLASH),
            ("/oauth2/token/", "https://auth.example.com/oauth2/token/", SLASH),
            ("token/", "https://auth.example.com/oauth2/token/", SLASH),
            ("//auth.example.com/oauth2/token/", "https://auth.example.com/oauth2/token/", SLASH),
            ("HTTPS://AUTH.example.com:443/oauth2/token/?a=b#c", "https://AUTH.example.com:443/oauth2/token/", SLASH),
            (
                "https://auth.example.com/oauth2/token",
                "https://auth.example.com/oauth2/token",
                "that is token_url itself",
            ),
            ("?again", "https://auth.example.com/oauth2/token", "that is token_url itself"),
            ("", "https://auth.example.com/oauth2/token", "that is token_url itself"),
            ("/login?next=/oauth2/token", "https://auth.example.com/login", MAYBE),
            ("https://other.example/token", "https://other.example/token", MAYBE),
            ("https://auth.example.com:8443/oauth2/token/", "https://auth.example.com:8443/oauth2/token/", MAYBE),
            (
                "https://auth.example.com.evil.example/oauth2/token/",
                "https://auth.example.com.evil.example/oauth2/token/",
                MAYBE,
            ),
            ("https://auth.example.com", "https://auth.example.com", MAYBE),
            ("https://[::1]:8443/x", "https://[::1]:8443/x", MAYBE),
            ("https://[::1]/x", "https://[::1]/x", MAYBE),
            ("http://auth.example.com/oauth2/token/", "http://auth.example.com/oauth2/token/", PLAIN),
            ("http://other.example/", "http://other.example/", PLAIN),
            ("https://user:s3cr3t+va%2Flue==@other.example/p?q=s3cr3t#f", "https://other.example/p", MAYBE),
            ("https://other.example/s3cr3t%2Bva%2Flue%3D%3D/x", "https://other.example/[redacted]/x", MAYBE),
            ("https://other.example/\u{202e}\u{7f}", "https://other.example/\u{fffd}\u{fffd}", MAYBE),
            ("//user:pass@other.example/x", "https://other.example/x", MAYBE),
            ("javascript:alert(1)", "nowhere", WHICH_URL),
            ("mailto:a@b", "nowhere", WHICH_URL),
            ("ftp://other.example/", "nowhere", WHICH_URL),
            ("https://", "nowhere", WHICH_URL),
            ("https:///x", "nowhere", WHICH_URL),
            ("https://user:pass/word@other.example/", "nowhere", WHICH_URL),
            ("https://h:99999/", "nowhere", WHICH_URL),
            ("://x", "nowhere", WHICH_URL),
        ] {
            for status in [301, 302, 303, 307, 308] {
                let error = error_of(status, &[("location", location)], "<html><body>Moved");
                let message = format!("redirects are never followed, and this one points to {shown}; {next}");
                assert!(error.message().contains(&message), "{location}\n{error}\n{message}");
                assert_eq!(error.kind(), ErrorKind::Http);
                assert!(!error.is_transient());
            }
        }
        let error = error_of(302, &[], "");
        assert!(error.message().contains("points to nowhere"), "{error}");
        let error = error_of(302, &[("location", "/elsewhere")], r#"{"error":"invalid_client"}"#);
        assert_eq!(error.oauth_error(), Some("invalid_client"));
        assert!(error.message().contains("responded with 302 invalid_client; redirects are never followed"), "{error}");
        let long = format!("https://other.example/{}", "x".repeat(100_000));
        assert!(error_of(301, &[("location", &long)], "").message().contains(&"x".repeat(100)));
    }

    #[test]
    fn a_redirect_is_resolved_against_the_configured_url() {
        for (url, https, host, port, location, shown, next) in [
            (
                "https://[::1]:8443/token/?v=1",
                true,
                "::1",
                8443,
                "/token",
                "https://[::1]:8443/token",
                "only a trailing slash",
            ),
            (
                "http://127.0.0.1:8080/token",
                false,
                "127.0.0.1",
                8080,
                "token/",
                "http://127.0.0.1:8080/token/",
                "only a trailing",
            ),
            (
                "http://127.0.0.1/token",
                false,
                "127.0.0.1",
                80,
                "/x",
                "http://127.0.0.1/x",
                "if that is the token endpoint",
            ),
            (
                "http://127.0.0.1/token",
                false,
                "127.0.0.1",
                80,
                "https://127.0.0.1/token",
                "https://127.0.0.1/token",
                "if that is",
            ),
            (
                "https://h.example",
                true,
                "h.example",
                443,
                "token",
                "https://h.example/token",
                "if that is the token endpoint",
            ),
            ("https://h.example", true, "h.example", 443, "/", "https://h.example/", "only a trailing slash differs"),
        ] {
            let endpoint = Endpoint {
                url: url.into(),
                https,
                host: host.into(),
                port,
                must_be_loopback: false,
                named_by: NamedBy::TokenUrl,
            };
            let settings = Settings { server: Server::TokenUrl(endpoint), ..Settings::example() };
            let error = read_with(&settings, 301, &[("location", location)], b"").unwrap_err();
            assert!(error.message().contains(&format!("points to {shown}; {next}")), "{url}: {error}");
        }
    }

    #[test]
    fn a_redirect_of_an_endpoint_that_metadata_names_is_for_the_operator() {
        let endpoint = Endpoint { named_by: NamedBy::Metadata, ..Endpoint::parse("https://a.example/t").unwrap() };
        for location in ["/t/", "/t", "https://b.example/", "http://b.example/"] {
            let advice = Target::read(location, &endpoint).unwrap().advice;
            assert_eq!(advice, "the token_endpoint of issuer's metadata should name it: ask the server's operator");
        }
    }
}
