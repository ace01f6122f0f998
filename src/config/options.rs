//! THE table of options: name, meaning, what is allowed, default, and the field and parser of its value. Help, errors and
//! documentation are made from it.
//!
//! Pure data. How a value is parsed is in `parsers.rs`, how a name is found in `names.rs`, and what options mean together
//! in `effective.rs`.

use crate::{
    c_text::{CText, const_join},
    config::{
        endpoint::Endpoint,
        parsers, providers,
        proxy::ProxyChoice,
        settings::{AuthMethod, BasicEncoding, BodyFormat, Ca, Refresh},
        values::{Members, Values},
    },
    jose::{SigningAlgorithm, SigningCertHeader},
    secret::Secret,
};
use std::fmt;

/// One option of a [`Config`](crate::Config).
pub struct OptionInfo {
    name: CText,
    help: CText,
    allowed: &'static str,
    is_secret: bool,
    may_be_empty: bool,
    slot: Slot,
}

/// Where the value of a row is kept, and how it is parsed.
pub(crate) enum Slot {
    Field(Field),
    Family(Family),
}

pub(crate) struct Field {
    /// Parses and keeps a value; None unsets the option.
    pub(crate) set: fn(&mut Values, Option<&str>) -> Result<(), String>,
    pub(crate) get: fn(&Values) -> Option<&dyn fmt::Debug>,
}

/// `param.NAME` and the like, which stands for any number of options.
pub(crate) struct Family {
    pub(crate) prefix: &'static str,
    pub(crate) parse_name: fn(&str) -> Result<String, String>,
    pub(crate) parse_value: fn(&str) -> Result<Secret, String>,
    pub(crate) members: fn(&Values) -> &Members,
    pub(crate) members_mut: fn(&mut Values) -> &mut Members,
}

/// The defaults that are no word of an enum, as `effective.rs` reads them.
pub(crate) mod defaults {
    pub(crate) const GRANT_TYPE: &str = "client_credentials";
    pub(crate) const TIMEOUT: &str = "30";
    pub(crate) const CONNECT_TIMEOUT: &str = "10";
    pub(crate) const MAX_ATTEMPTS: &str = "3";
    pub(crate) const DEFAULT_LIFETIME: &str = "600";
    pub(crate) const ALLOW_INSECURE_HTTP: bool = false;
    pub(crate) const ASSERTION_LIFETIME: &str = "60";
    pub(crate) const ASSERTION_TYP: &str = "JWT";
    pub(crate) const USER_AGENT: &str = concat!("tokensource/", env!("CARGO_PKG_VERSION"));
}

/// `option!(FIELD, PARSER, MEANING, allowed TEXT, default TEXT)`, or `unset TEXT`, which says what it means if unset. An
/// option whose name has a dot is `FIELD named NAME`.
macro_rules! option {
    ($field:ident, $parse:path, $meaning:expr, allowed $allowed:expr, default $default:expr) => {
        row!(option!(@ $field, $parse), stringify!($field), $meaning, $allowed, ". Default: ", $default)
    };
    ($field:ident, $parse:path, $meaning:expr, allowed $allowed:expr, unset $unset:expr) => {
        row!(option!(@ $field, $parse), stringify!($field), $meaning, $allowed, ". Unset: ", $unset)
    };
    ($field:ident named $name:literal, $parse:path, $meaning:expr, allowed $allowed:expr, unset $unset:expr) => {
        row!(option!(@ $field, $parse), $name, $meaning, $allowed, ". Unset: ", $unset)
    };
    (@ $field:ident, $parse:path) => {
        Slot::Field(Field {
            set: |values, text| {
                values.$field = text.map($parse).transpose()?;
                Ok(())
            },
            get: |values| values.$field.as_ref().map(|value| value as &dyn fmt::Debug),
        })
    };
}

/// `family!(PREFIX, FIELD, PARSER of NAME, PARSER of the value, MEANING, allowed TEXT, unset TEXT)`.
macro_rules! family {
    ($prefix:literal, $field:ident, $parse_name:path, $parse_value:path, $meaning:expr, allowed $allowed:expr, unset $unset:expr) => {
        row!(
            Slot::Family(Family {
                prefix: $prefix,
                parse_name: $parse_name,
                parse_value: $parse_value,
                members: |values| &values.$field,
                members_mut: |values| &mut values.$field,
            }),
            concat!($prefix, "NAME"),
            $meaning,
            $allowed,
            ". Unset: ",
            $unset
        )
    };
}

macro_rules! row {
    ($slot:expr, $name:expr, $meaning:expr, $allowed:expr, $label:literal, $default:expr) => {
        OptionInfo {
            name: CText::from_static(concat!($name, "\0")),
            help: CText::from_static(const_join!(&[$meaning, " Allowed: ", $allowed, $label, $default, ".\0"], "")),
            allowed: $allowed,
            is_secret: false,
            may_be_empty: false,
            slot: $slot,
        }
    };
}

static OPTIONS: &[OptionInfo] = &[
    option!(provider, providers::parse,
        "A service whose settings are built in. It sets other options; an option that is set explicitly wins.",
        allowed providers::ALLOWED, unset "token_url or issuer is required"),
    option!(provider_file, parsers::path,
        "A file of your own that describes a server, as provider does. It is read once, when the source is made. Its values \
         win over the provider's.",
        allowed parsers::FILE_PATH, unset "none"),
    family!("variable.", variables, parsers::variable_name, parsers::variable,
        "Fills {NAME} in the values of the provider or the provider file, such as the tenant in a URL.",
        allowed "1 to 253 letters, digits and . - _ ~ : [ ]; NAME of letters, digits and - _",
        unset "an error where a value needs it"),
    option!(token_url, Endpoint::parse,
        "The URL of the token endpoint (RFC 6749 section 3.2). Redirects are never followed.",
        allowed "an https URL; http only to this machine, or with allow_insecure_http; no user, no fragment",
        unset "the provider's, else looked up at issuer"),
    option!(issuer, Endpoint::parse_issuer,
        "The server's issuer identifier (RFC 8414 section 2). Without token_url, the token endpoint is looked up in the \
         metadata there. With token_url, it is only the audience of assertions.",
        allowed "an https URL; http only to this machine, or with allow_insecure_http; no user, no query, no fragment",
        unset "token_url is required"),
    option!(client_id, parsers::text,
        "The client id.",
        allowed "text without control characters", unset "client_id_file is required where auth_method sends the id"),
    option!(client_id_file, parsers::path,
        "A file that holds the client id. It is read by the rules of client_secret_file.",
        allowed parsers::FILE_PATH, unset "client_id is required where auth_method sends the id"),
    option!(client_secret, parsers::client_secret,
        "The client secret. It may be empty. With auth_method=none, none is sent.",
        allowed "text without line breaks and NUL", unset "client_secret_file, or another credential").secret().may_be_empty_too(),
    option!(client_secret_file, parsers::path,
        "A file that holds the client secret. It is read again at each fetch, so a changed secret needs no restart. One \
         line break at its end is not part of the secret.",
        allowed parsers::FILE_PATH, unset "client_secret, or another credential"),
    option!(auth_method, AuthMethod::from_word,
        "The client authentication method. client_secret_basic and client_secret_post send the secret (RFC 6749 section \
         2.3.1), client_secret_jwt and private_key_jwt a signed assertion (RFC 7523), client_assertion an assertion from a \
         file, tls_client_auth a certificate (RFC 8705).",
        allowed AuthMethod::ALLOWED, unset "what the credential that is set says"),
    option!(signing_key_file, parsers::key_path,
        "The private key that signs assertions: PEM, a JWK, a JWK Set or the JSON of a Google service account. It is read \
         again at each fetch.",
        allowed parsers::FILE_PATH, unset "signing_key"),
    option!(signing_key, parsers::signing_key,
        "The same as text. In PEM, a backslash followed by n stands for a line break.",
        allowed "text without NUL, at most 64 KiB", unset "signing_key_file").secret(),
    option!(signing_key_id, parsers::text,
        "The kid in the header of assertions (RFC 7515 section 4.1.4). In a JWK Set, it also selects the key.",
        allowed "text without control characters", unset "the key's own, else not sent"),
    option!(signing_algorithm, SigningAlgorithm::from_word,
        "The algorithm that signs assertions (RFC 7518 section 3.1).",
        allowed SigningAlgorithm::ALLOWED,
        unset "the JWK's alg; else RS256 for RSA, ES256 for P-256, ES384 for P-384, EdDSA for Ed25519, HS256 for a secret"),
    option!(signing_cert_file, parsers::path,
        "The certificate of the signing key in PEM, leaf first. It may be the file of the key.",
        allowed parsers::FILE_PATH, unset "no certificate is named"),
    option!(signing_cert_header, SigningCertHeader::from_word,
        "How the header of assertions names the certificate: by its SHA-256, by its SHA-1, or as a whole.",
        allowed SigningCertHeader::ALLOWED, default SigningCertHeader::DEFAULT.word()),
    option!(assertion_audience, parsers::text,
        "The claim aud of assertions, one text.",
        allowed "text without control characters", unset "issuer, else the provider's, else token_url"),
    option!(assertion_lifetime, parsers::positive_seconds,
        "The lifetime of an assertion, from iat to exp. It is sent in whole seconds, rounded down, at least 1.",
        allowed "seconds above 0 up to 10 years, such as 2.5", default defaults::ASSERTION_LIFETIME),
    option!(assertion_typ, parsers::visible,
        "The typ in the header of assertions.",
        allowed "visible ASCII", default defaults::ASSERTION_TYP),
    family!("claim.", claims, parsers::claim_name, parsers::secret_text,
        "One more claim of assertions, a text. claim.iss and claim.sub replace what is sent. Treated as a secret.",
        allowed "any text, also empty; NAME visible ASCII, not aud, exp, iat, nbf, jti",
        unset "not sent; the provider's own can be unset too").secret().may_be_empty_too(),
    option!(client_assertion_file, parsers::path,
        "A file with a signed client assertion that another program renews (RFC 7521 section 4.2). It is one line, read again \
         at each fetch.",
        allowed parsers::FILE_PATH, unset "none"),
    option!(basic_encoding, BasicEncoding::from_word,
        "Whether the id and the secret are percent-encoded before they go into HTTP Basic, as RFC 6749 requires, or go in \
         unchanged. The two differ only for characters other than letters, digits and - . _ ~.",
        allowed BasicEncoding::ALLOWED, default BasicEncoding::DEFAULT.word()),
    option!(body_format, BodyFormat::from_word,
        "The format of the request body. The standard requires form; a few servers accept only JSON.",
        allowed BodyFormat::ALLOWED, default BodyFormat::DEFAULT.word()),
    option!(grant_type, parsers::text,
        "The value of grant_type. With none, it is not sent. jwt-bearer, token-exchange and refresh_token have options of \
         their own; the first two are set as full URNs.",
        allowed "text without control characters", default defaults::GRANT_TYPE),
    option!(scope, parsers::scope,
        "The scopes to request (RFC 6749 section 3.3).",
        allowed "visible ASCII without \" and \\, one space between two scopes", unset "not sent"),
    option!(audience, parsers::text,
        "The API that the token is for, for servers that expect it under this name.",
        allowed "text without control characters", unset "not sent"),
    option!(resource, parsers::resource,
        "The APIs that the token is for (RFC 8707), each sent as a parameter of its own.",
        allowed "absolute URIs without fragment, one space between two", unset "not sent"),
    option!(assertion_file, parsers::path,
        "A file with a signed assertion for the parameter assertion, with any grant_type that takes one (RFC 7521 section \
         4.1). It is one line, read again at each fetch.",
        allowed parsers::FILE_PATH, unset "none"),
    option!(subject_token_file, parsers::path,
        "A file with the subject_token of token exchange (RFC 8693). It is one line, read again at each fetch.",
        allowed parsers::FILE_PATH, unset "none"),
    option!(subject_token_type, parsers::uri,
        "The type of the subject token. It is sent only in token exchange.",
        allowed "an absolute URI without fragment",
        unset "urn:ietf:params:oauth:token-type:jwt with subject_token_file, else not sent"),
    option!(requested_token_type, parsers::uri,
        "The type of token to request in token exchange.",
        allowed "an absolute URI without fragment", unset "not sent"),
    option!(refresh_token_file, parsers::path,
        "A file with a refresh token for grant_type=refresh_token, where the server does not rotate it. It is one line, read \
         again at each fetch.",
        allowed parsers::FILE_PATH, unset "none"),
    family!("param.", params, parsers::param_name, parsers::secret_text,
        "An additional parameter of the request, called NAME. Treated as a secret. client_id and client_secret are for \
         servers that read them in the body in addition to HTTP Basic. With client_secret, a request has two authentication \
         methods, which RFC 6749 section 2.3 forbids and some servers reject.",
        allowed "any text, also empty; NAME of letters, digits and - . _, but not a parameter that has an option or that \
                 auth_method sends",
        unset "not sent; the provider's own can be unset too").secret().may_be_empty_too(),
    family!("header.", headers, parsers::header_name, parsers::secret_field_value,
        "An additional header of the request, called NAME in any case. Treated as a secret.",
        allowed "printable text without spaces at its ends; NAME not Authorization, Host, Content-*, Transfer-Encoding, \
                 Connection, Keep-Alive, TE, Trailer, Upgrade, Expect, Proxy-*, Accept-Encoding, User-Agent",
        unset "not sent; the provider's own can be unset too").secret(),
    option!(response_access_token named "response.access_token", parsers::member_path,
        "The member of the response that holds the access token, for servers that put it elsewhere, such as data.token.",
        allowed parsers::MEMBER_PATH, unset "access_token"),
    option!(response_expires_in named "response.expires_in", parsers::member_path,
        "The member of the response that states the lifetime of the token.",
        allowed parsers::MEMBER_PATH, unset "expires_in next to the access token, or at the top"),
    option!(response_expires_at named "response.expires_at", parsers::member_path,
        "The member of the response that states the moment at which the token expires.",
        allowed parsers::MEMBER_PATH, unset "expires_at next to the access token, or at the top"),
    option!(token_type, parsers::token_type,
        "The word by which this server means Bearer, in any case. Bearer itself and BearerToken are always accepted.",
        allowed "visible ASCII, one space between two words; not DPoP, MAC, N_A", unset "no further word is accepted"),
    option!(timeout, parsers::positive_seconds,
        "The longest time that one function call waits for a token, and that one fetch takes with all its attempts.",
        allowed "seconds above 0 up to 10 years, such as 2.5", default defaults::TIMEOUT),
    option!(connect_timeout, parsers::positive_seconds,
        "The longest time that one attempt takes to resolve and connect, TLS included. It counts within timeout.",
        allowed "seconds above 0 up to 10 years, such as 2.5", default defaults::CONNECT_TIMEOUT),
    option!(max_attempts, parsers::attempts,
        "The most requests that one fetch sends. It sends another only after a retryable failure.",
        allowed "a whole number from 1 to 100", default defaults::MAX_ATTEMPTS),
    option!(refresh, Refresh::from_word,
        "Where fetches run: on a short-lived thread of the library, or on the caller's thread, and then no thread is ever \
         started.",
        allowed Refresh::ALLOWED, default Refresh::DEFAULT.word()),
    option!(refresh_ahead, parsers::seconds,
        "The refresh lead: how long before a token expires its replacement is fetched, varied by a fifth at random. With 0 \
         no token is refreshed early.",
        allowed "seconds from 0 to 10 years, such as 2.5",
        unset "300 or a fifth of the lifetime, whichever is less, but at least twice the duration of the last fetch"),
    option!(expiry_margin, parsers::seconds,
        "How long before its end a token counts as expired, at most half of its lifetime.",
        allowed "seconds from 0 to 10 years, such as 2.5", unset "60 or a tenth of the lifetime, whichever is less"),
    option!(default_lifetime, parsers::seconds,
        "The lifetime of a token whose response does not give one.",
        allowed "seconds from 0 to 10 years, such as 2.5", default defaults::DEFAULT_LIFETIME),
    option!(max_lifetime, parsers::positive_seconds,
        "The longest lifetime of a token, for a server that states too long a one. It also caps default_lifetime.",
        allowed "seconds above 0 up to 10 years, such as 2.5", unset "no token is capped"),
    option!(ca, Ca::from_word,
        "The certificate authorities to trust: the system's (or the bundled ones where it has none), only the system's, or \
         only the bundled ones. If neither this nor ca_file is set, the environment variables SSL_CERT_FILE and SSL_CERT_DIR may name a file and directories.",
        allowed Ca::ALLOWED, default Ca::DEFAULT.word()),
    option!(ca_file, parsers::path,
        "A PEM file with the only certificate authorities to trust.",
        allowed "a path; a relative path is made absolute when it is set", unset "as ca says"),
    option!(client_cert_file, parsers::path,
        "The client certificate for mutual TLS and its chain, in PEM.",
        allowed "a path; a relative path is made absolute when it is set", unset "no client certificate"),
    option!(client_key_file, parsers::path,
        "The private key of client_cert_file, in PEM.",
        allowed "a path; a relative path is made absolute when it is set", unset "no client certificate"),
    option!(proxy, ProxyChoice::parse,
        "The proxy to use, HTTP or SOCKS5, also for the addresses of this machine. With socks5h the proxy looks the server up; \
         https is TLS to the proxy. Treated as a secret.",
        allowed "SCHEME://[user:password@]host[:port], percent-encoded, where SCHEME is http, https, socks5 or socks5h; or none",
        unset "for https the environment's https_proxy or all_proxy, in lower or upper case; for http its http_proxy, in \
               lower case; none for this machine itself and for what no_proxy names").secret(),
    option!(user_agent, parsers::field_value,
        "The value of the User-Agent header.",
        allowed "printable text without spaces at its ends", default defaults::USER_AGENT),
    option!(allow_insecure_http, parsers::boolean,
        "Whether an http URL may name another machine. The secret and the token can then be read on the network.",
        allowed parsers::BOOLEANS, default parsers::boolean_word(defaults::ALLOW_INSECURE_HTTP)),
];

/// Names under which other programs know an option, where no option is spelled alike.
pub(crate) const OTHER_NAMES: [(&str, &str); 6] = [
    ("private_key", "signing_key"),
    ("private_key_file", "signing_key_file"),
    ("kid", "signing_key_id"),
    ("alg", "signing_algorithm"),
    ("aud", "assertion_audience"),
    ("tenant", "variable.tenant"),
];

/// Returns all options, in the order in which they are documented.
pub fn options() -> &'static [OptionInfo] {
    OPTIONS
}

impl OptionInfo {
    const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    const fn may_be_empty_too(mut self) -> Self {
        self.may_be_empty = true;
        self
    }

    /// Returns the name for [`Config::set`](crate::Config::set). `param.NAME` and each other family stand for any NAME.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Returns the meaning, the unit, the allowed values and the default, in one line.
    pub fn help(&self) -> &str {
        self.help.as_str()
    }

    /// Returns the name for C.
    #[cfg(feature = "capi")]
    pub(crate) fn name_c(&self) -> &CText {
        &self.name
    }

    /// Returns the help for C.
    #[cfg(feature = "capi")]
    pub(crate) fn help_c(&self) -> &CText {
        &self.help
    }

    pub(crate) fn allowed(&self) -> &'static str {
        self.allowed
    }

    /// Returns true if no error and no log may show a value of this option.
    pub(crate) fn is_secret(&self) -> bool {
        self.is_secret
    }

    pub(crate) fn may_be_empty(&self) -> bool {
        self.may_be_empty
    }

    pub(crate) fn slot(&self) -> &Slot {
        &self.slot
    }
}

impl fmt::Debug for OptionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptionInfo").field("name", &self.name).field("help", &self.help).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_a_name_of_its_own_and_one_line_of_help() {
        let mut names: Vec<_> = options().iter().map(OptionInfo::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), options().len());
        for option in options() {
            let (name, help) = (option.name(), option.help());
            assert!(help.contains(&format!(" Allowed: {}. ", option.allowed())), "{name}");
            assert_eq!(help.matches(" Default: ").count() + help.matches(" Unset: ").count(), 1, "{name}");
            assert!(!help.contains(char::is_control), "{name}");
        }
    }

    #[test]
    fn each_default_is_a_value_that_is_allowed() {
        let mut defaults = 0;
        for option in options() {
            let Some((_, default)) = option.help().split_once(" Default: ") else { continue };
            let mut values = Values::default();
            values.set(option.name(), default.strip_suffix('.')).unwrap();
            defaults += 1;
        }
        assert_eq!(defaults, 14);
    }

    #[test]
    fn each_secret_is_marked_as_one() {
        for option in options() {
            let says_so = option.help().contains("Treated as a secret.")
                || ["client_secret", "signing_key"].contains(&option.name());
            assert_eq!(option.is_secret(), says_so, "{}", option.name());
        }
    }
}
