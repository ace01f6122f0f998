//! THE table of options: name, meaning, what is allowed, default, check. Help, errors and documentation are made from it.
//!
//! Pure, but for making a file's path absolute. It checks one value at a time; what options mean together is said in
//! `config.rs`.

use crate::{
    c_text::CText,
    config::endpoint::{Endpoint, uri_characters},
    config::proxy::Proxy,
    duration::seconds,
    error::{Error, ErrorKind},
    redact::truncate,
    secret::Secret,
};
use std::time::Duration;

/// A secret file may be this large, and so may any value: whoever chooses a size does not choose it without bound.
pub(crate) const LONGEST_VALUE: usize = 64 * 1024;

/// As much of a value is shown in an error.
const SHOWN: usize = 80;

/// One option of a [`Config`](crate::Config).
#[derive(Debug)]
pub struct OptionInfo {
    name: CText,
    help: CText,
    default: Option<&'static str>,
    allowed: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One of the words of `allowed`, which ` | ` separates.
    Word,
    /// Text without control characters.
    Text,
    Seconds,
    SecondsAboveZero,
    Attempts,
    Url,
    Scope,
    Resource,
    FieldValue,
    File,
    ClientSecret,
    Proxy,
    Header,
    Param,
}

macro_rules! option {
    ($name:literal, $kind:ident, $meaning:literal, allowed $allowed:literal, default $default:expr) => {
        option!(@ $name, $kind, $allowed, Some($default), concat!($meaning, " Allowed: ", $allowed, ". Default: ", $default, "."))
    };
    ($name:literal, $kind:ident, $meaning:literal, allowed $allowed:literal, unset $unset:literal) => {
        option!(@ $name, $kind, $allowed, None, concat!($meaning, " Allowed: ", $allowed, ". Unset: ", $unset, "."))
    };
    (@ $name:literal, $kind:ident, $allowed:literal, $default:expr, concat!($($help:expr),*)) => {
        OptionInfo {
            name: CText::from_static(concat!($name, "\0")),
            help: CText::from_static(concat!($($help,)* "\0")),
            default: $default,
            allowed: $allowed,
            kind: Kind::$kind,
        }
    };
}

static OPTIONS: &[OptionInfo] = &[
    option!("provider", Word,
        "A service whose documentation is built in: it sets other options, and any of them given beside it wins.",
        allowed "podero | podero-sandbox | gardin", unset "token_url is needed"),
    option!("token_url", Url,
        "Where tokens are fetched (RFC 6749 section 3.2). Redirects are never followed.",
        allowed "an https URL; http only to this machine, or with allow_insecure_http; no user, no fragment",
        unset "the provider's"),
    option!("client_id", Text,
        "The client's id.",
        allowed "text without control characters", unset "an error"),
    option!("client_secret", ClientSecret,
        "The client's secret. May be empty, for a client that has none.",
        allowed "text without line breaks and NUL", unset "client_secret_file is needed"),
    option!("client_secret_file", File,
        "A file that holds the client's secret, read again at each fetch, so that a changed secret needs no restart. One \
         line break at its end is not part of the secret.",
        allowed "the path of a regular file of at most 64 KiB; a relative one is made absolute when it is set",
        unset "client_secret is needed"),
    option!("auth_method", Word,
        "How id and secret are sent: in an HTTP Basic header or in the body (RFC 6749 section 2.3.1).",
        allowed "client_secret_basic | client_secret_post", default "client_secret_basic"),
    option!("basic_encoding", Word,
        "Whether id and secret are percent-encoded before they go into HTTP Basic, as RFC 6749 says, or go in as they \
         are. The two differ only for characters other than letters, digits and - . _ ~.",
        allowed "rfc6749 | raw", default "rfc6749"),
    option!("body_format", Word,
        "How the body of the request is written. The standard says form; a few servers take only JSON.",
        allowed "form | json", default "form"),
    option!("grant_type", Text,
        "The value of grant_type, for servers that want another word for the client-credentials grant.",
        allowed "text without control characters", default "client_credentials"),
    option!("scope", Scope,
        "The scopes to ask for (RFC 6749 section 3.3).",
        allowed "visible ASCII without \" and \\, one space between two scopes", unset "not sent"),
    option!("audience", Text,
        "The API that the token is for, where the server wants it under this name.",
        allowed "text without control characters", unset "not sent"),
    option!("resource", Resource,
        "The APIs that the token is for (RFC 8707), each sent as a parameter of its own.",
        allowed "absolute URIs without fragment, one space between two", unset "not sent"),
    option!("param.NAME", Param,
        "One more parameter of the request, called NAME. Treated as a secret.",
        allowed "any text, also empty; NAME of letters, digits and - . _, but not a parameter that has an option",
        unset "not sent; a provider's own can be unset too"),
    option!("header.NAME", Header,
        "One more header of the request, called NAME in any case. Treated as a secret.",
        allowed "printable text without spaces at its ends; NAME not Authorization, Host, Content-*, Transfer-Encoding, \
                 Connection, Keep-Alive, TE, Trailer, Upgrade, Expect, Proxy-*, Accept-Encoding, User-Agent",
        unset "not sent; a provider's own can be unset too"),
    option!("timeout", SecondsAboveZero,
        "The longest that one call waits for a token, and that one fetch may take with all its attempts.",
        allowed "seconds above 0 up to 10 years, such as 2.5", default "30"),
    option!("connect_timeout", SecondsAboveZero,
        "The longest that one attempt may take to resolve and connect, TLS included, within timeout.",
        allowed "seconds above 0 up to 10 years, such as 2.5", default "10"),
    option!("max_attempts", Attempts,
        "How many requests one fetch may send when they fail in a way that may pass.",
        allowed "a whole number from 1 to 100", default "3"),
    option!("refresh", Word,
        "Who fetches: a short-lived thread of the library, or the caller itself, and then no thread is ever started.",
        allowed "background | inline", default "background"),
    option!("refresh_ahead", Seconds,
        "How long before a token expires its replacement is fetched, varied by a fifth at random; 0 never fetches early.",
        allowed "seconds from 0 to 10 years, such as 2.5",
        unset "300 or a fifth of the lifetime, whichever is less, but at least twice what the last fetch took"),
    option!("expiry_margin", Seconds,
        "How long before its end a token counts as expired, at most half of its lifetime.",
        allowed "seconds from 0 to 10 years, such as 2.5", unset "60 or a tenth of the lifetime, whichever is less"),
    option!("default_lifetime", Seconds,
        "How long a token lives when the answer does not say.",
        allowed "seconds from 0 to 10 years, such as 2.5", default "600"),
    option!("ca", Word,
        "Whose certificate authorities are trusted: the system's (else the bundled ones), only the system's, or only the \
         bundled ones. Unless this or ca_file is set, the environment variable SSL_CERT_FILE may name a file instead.",
        allowed "auto | system | bundled", default "auto"),
    option!("ca_file", File,
        "A PEM file of the only certificate authorities to trust.",
        allowed "a path; a relative one is made absolute when it is set", unset "as ca says"),
    option!("client_cert_file", File,
        "The client certificate of mutual TLS and its chain, in PEM.",
        allowed "a path; a relative one is made absolute when it is set", unset "no client certificate"),
    option!("client_key_file", File,
        "The private key that belongs to client_cert_file, in PEM.",
        allowed "a path; a relative one is made absolute when it is set", unset "no client certificate"),
    option!("proxy", Proxy,
        "The HTTP proxy to go through, for this machine's own addresses too. Treated as a secret.",
        allowed "http://[user:password@]host[:port], percent-encoded, or none",
        unset "for https the environment's https_proxy or all_proxy, in either case, for http its http_proxy, in lower case; none \
                for this machine itself and what no_proxy names"),
    option!("user_agent", FieldValue,
        "The value of the User-Agent header.",
        allowed "printable text without spaces at its ends", default concat!("tokensource/", env!("CARGO_PKG_VERSION"))),
    option!("allow_insecure_http", Word,
        "Whether an http URL may leave this machine. Everyone on the way can then read the secret and the token.",
        allowed "true | false", default "false"),
];

/// All options, in the order in which they are documented.
pub fn options() -> &'static [OptionInfo] {
    OPTIONS
}

impl OptionInfo {
    /// The name to give to [`Config::set`](crate::Config::set). `param.NAME` and `header.NAME` stand for any NAME.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Meaning, unit, allowed values and default, in one line.
    pub fn help(&self) -> &str {
        self.help.as_str()
    }

    /// The same name for C.
    #[cfg(feature = "capi")]
    pub(crate) fn name_c(&self) -> &CText {
        &self.name
    }

    /// The same help for C.
    #[cfg(feature = "capi")]
    pub(crate) fn help_c(&self) -> &CText {
        &self.help
    }

    pub(crate) fn default(&self) -> Option<&'static str> {
        self.default
    }

    /// Whether no error and no log may show a value of this option.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::ClientSecret | Kind::Proxy | Kind::Header | Kind::Param)
    }

    /// Whether this row stands for any number of options, `param.NAME` or `header.NAME`.
    pub(crate) fn is_family(&self) -> bool {
        matches!(self.kind, Kind::Header | Kind::Param)
    }

    /// What stands before the dot of such a row.
    fn family(&self) -> &str {
        self.name().split('.').next().unwrap_or_default()
    }

    /// Checks a value of the option that was called `name`, and returns it as it is to be kept.
    pub(crate) fn check(&self, name: &str, value: &str) -> Result<Secret, Error> {
        self.judge(value).map_err(|wrong| {
            let allowed = self.allowed;
            Error::new(
                ErrorKind::InvalidArgument,
                format!("option {}: {wrong}; allowed: {allowed}", truncate(name, SHOWN)),
            )
        })
    }

    fn judge(&self, value: &str) -> Result<Secret, String> {
        if value.is_empty() && !matches!(self.kind, Kind::ClientSecret | Kind::Param) {
            return Err("the value is empty; to unset the option, give no value (NULL, None, null)".into());
        }
        if value.len() > LONGEST_VALUE {
            return Err("the value is longer than 64 KiB".into());
        }
        match self.kind {
            Kind::Word => self.one_of_the_words(value)?,
            Kind::Seconds => drop(seconds(value).map_err(|wrong| format!("\"{}\" {wrong}", truncate(value, SHOWN)))?),
            Kind::SecondsAboveZero => match seconds(value) {
                Ok(Duration::ZERO) => return Err(format!("\"{}\" is not above 0", truncate(value, SHOWN))),
                Ok(_) => {}
                Err(wrong) => return Err(format!("\"{}\" {wrong}", truncate(value, SHOWN))),
            },
            Kind::Attempts => drop(attempts(value).map_err(|wrong| format!("\"{}\" {wrong}", truncate(value, SHOWN)))?),
            Kind::Text => no_controls(value)?,
            Kind::Url => drop(Endpoint::parse(value)?),
            Kind::Scope => scope(value)?,
            Kind::Resource => value.split(' ').try_for_each(absolute_uri)?,
            Kind::FieldValue | Kind::Header => field_value(value)?,
            Kind::File => return absolute(value),
            Kind::ClientSecret => secret_text(value)?,
            Kind::Proxy if value == "none" => {}
            Kind::Proxy => drop(Proxy::parse(value, "proxy")?),
            Kind::Param => {}
        }
        Ok(Secret::new(value))
    }

    /// The words of an option that takes one of a few.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.allowed.split(" | ")
    }

    fn one_of_the_words(&self, value: &str) -> Result<(), String> {
        if self.words().any(|word| word == value) {
            return Ok(());
        }
        let meant = nearest(value, self.words()).map(|word| format!(", did you mean {word}?")).unwrap_or_default();
        Err(format!("unknown value \"{}\"{meant}", truncate(value, SHOWN)))
    }
}

/// The row that a name belongs to, and the name as it is kept: headers in lower case, for they are the same in any.
pub(crate) fn find(name: &str) -> Result<(&'static OptionInfo, String), Error> {
    for option in options() {
        if !option.is_family() {
            if option.name() == name {
                return Ok((option, name.to_owned()));
            }
        } else if let Some((family, own)) = name.split_once('.').filter(|(family, _)| *family == option.family()) {
            let own = if option.kind == Kind::Header { header_name(own) } else { param_name(own) };
            let own = own.map_err(|wrong| {
                Error::new(ErrorKind::InvalidArgument, format!("option {}: {wrong}", option.name()))
            })?;
            return Ok((option, format!("{family}.{own}")));
        }
    }
    // Someone may have written the value into the name: only what could be a name is repeated.
    let shown = name.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).next().unwrap_or_default();
    let advice = match nearest(name, options().iter().map(OptionInfo::name)) {
        Some(name) => format!(", did you mean {name}?"),
        None => "; the README lists all, and so does \"tokensource options\"".into(),
    };
    Err(Error::new(ErrorKind::InvalidArgument, format!("unknown option \"{}\"{advice}", truncate(shown, SHOWN))))
}

/// The candidate that was most likely meant, if one is near. One that holds the word whole goes before any that is merely
/// alike: who writes `secret` means `client_secret`, although `scope` is fewer letters away.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| {
        let text = text.split('.').next().unwrap_or_default();
        text.chars().take(64).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect::<String>()
    };
    let word = plain(word);
    // One letter in three may be wrong, as rustc has it.
    let most = word.chars().count().max(3) / 3;
    let distance = |candidate: &&str| {
        let candidate = plain(candidate);
        let holds = word.len() >= 3 && candidate.contains(&word);
        (!holds, strsim::damerau_levenshtein(&word, &candidate))
    };
    let (nearest, (alike, wrong)) =
        candidates.map(|each| (each, distance(&each))).min_by_key(|&(_, distance)| distance)?;
    (!alike || wrong <= most).then_some(nearest)
}

pub(crate) fn attempts(text: &str) -> Result<u32, &'static str> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("is not a whole number");
    }
    match text.parse() {
        Ok(count @ 1..=100) => Ok(count),
        _ => Err("is out of range"),
    }
}

fn no_controls(text: &str) -> Result<(), String> {
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(format!("a control character (U+{:04X}) at byte {at}", u32::from(c))),
        None => Ok(()),
    }
}

/// A header's value (RFC 9110 §5.5), without tabs: recipients strip spaces at the ends, so that none belongs there.
fn field_value(text: &str) -> Result<(), String> {
    no_controls(text)?;
    if text.starts_with(' ') || text.ends_with(' ') { Err("a space at an end".into()) } else { Ok(()) }
}

/// What a secret may not hold, as text and in a file. A line break at its end is what `echo` and `fgets` leave behind.
pub(crate) fn secret_text(text: &str) -> Result<(), &'static str> {
    if text.contains('\0') {
        return Err("the secret holds a NUL");
    }
    if text.ends_with(['\n', '\r']) {
        return Err("the secret ends in a line break: remove it");
    }
    if text.contains(['\n', '\r']) { Err("the secret holds a line break") } else { Ok(()) }
}

/// RFC 6749 §3.3.
fn scope(text: &str) -> Result<(), String> {
    if let Some(at) = text.find(|c: char| !(c.is_ascii_graphic() || c == ' ') || c == '"' || c == '\\') {
        return Err(format!("a character at byte {at} that no scope may hold (RFC 6749 section 3.3)"));
    }
    if text.split(' ').any(str::is_empty) { Err("a space at an end, or two in a row".into()) } else { Ok(()) }
}

/// RFC 8707 §2.
fn absolute_uri(uri: &str) -> Result<(), String> {
    if uri.is_empty() {
        return Err("a space at an end, or two in a row".into());
    }
    uri_characters(uri)?;
    let (scheme, rest) = uri.split_once(':').ok_or("a URI without scheme, such as https:")?;
    let scheme_is_one = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !scheme_is_one || rest.is_empty() {
        return Err("a URI that is not absolute".into());
    }
    if rest.contains('#') { Err("a URI with a fragment (#…)".into()) } else { Ok(()) }
}

/// Absolute as of now: a daemon changes its directory after it has read its options.
fn absolute(path: &str) -> Result<Secret, String> {
    if path.contains('\0') {
        return Err("the path holds a NUL".into());
    }
    // Messages name paths, and a key in PEM is no path but a secret, also where a variable keeps it in one line.
    if path.contains(['\n', '\r']) || path.contains("-----BEGIN ") {
        return Err("this is no path: give the name of the file, not what is in it".into());
    }
    let path = std::path::absolute(path).map_err(|error| format!("the path cannot be made absolute: {error}"))?;
    let path = path.into_os_string().into_string();
    path.map(Secret::new).map_err(|_| "the working directory is not UTF-8: give an absolute path".into())
}

/// A header that may be added, in lower case.
fn header_name(name: &str) -> Result<String, String> {
    const OURS: &[&str] = &[
        "authorization",
        "host",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "accept-encoding",
    ];
    let name = http::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "NAME is not the name of a header (RFC 9110 section 5.1); the value is given apart")?;
    let name = name.as_str();
    if name == "user-agent" {
        return Err("User-Agent is the option user_agent".into());
    }
    if OURS.contains(&name) || name.starts_with("content-") || name.starts_with("proxy-") {
        return Err(format!("{} is not for an option to set: it follows from the request", truncate(name, SHOWN)));
    }
    Ok(name.to_owned())
}

/// A parameter that may be added (RFC 6749 §8.2).
fn param_name(name: &str) -> Result<String, String> {
    const OPTIONS: &[&str] = &["grant_type", "scope", "audience", "resource", "client_id", "client_secret"];
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        return Err("NAME is of letters, digits and - . _ (RFC 6749 section 8.2); the value is given apart".into());
    }
    if name.len() > LONGEST_VALUE {
        return Err("NAME is longer than 64 KiB".into());
    }
    if OPTIONS.contains(&name) {
        return Err(format!("{name} is an option of its own: set that"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::providers;

    fn set(name: &str, value: &str) -> Result<String, String> {
        let set = find(name).and_then(|(option, name)| option.check(&name, value));
        set.map(|value| value.expose().to_owned()).map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(!error.message().contains(char::is_control), "{error}");
            error.message().to_owned()
        })
    }

    fn refused(name: &str, value: &str) -> String {
        set(name, value).expect_err(&format!("{name} took {value:?}"))
    }

    #[test]
    fn each_row_says_everything_once() {
        for option in options() {
            assert!(option.help().contains(option.allowed), "{}", option.name());
            assert!(!option.help().contains(char::is_control), "{}", option.name());
            match option.default() {
                Some(default) => {
                    assert!(option.help().ends_with(&format!(" Default: {default}.")), "{}", option.name());
                    assert_eq!(option.check(option.name(), default).unwrap().expose(), default);
                }
                None => assert!(option.help().contains(" Unset: "), "{}", option.name()),
            }
        }
        let mut names: Vec<_> = options().iter().map(OptionInfo::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), options().len());
    }

    #[test]
    fn the_providers_allowed_are_those_of_their_table() {
        let known: Vec<_> = providers::all().iter().map(|provider| provider.name).collect();
        assert_eq!(find("provider").unwrap().0.words().collect::<Vec<_>>(), known);
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest_or_where_to_look() {
        let meant = [
            ("timeuot", "timeout"),
            ("client-id", "client_id"),
            ("CLIENT_SECRET", "client_secret"),
            ("clientSecretFile", "client_secret_file"),
            ("Timeout", "timeout"),
            ("secret", "client_secret"),
            ("url", "token_url"),
            ("scopes", "scope"),
            ("header", "header.NAME"),
            ("Header.X-Key", "header.NAME"),
            ("headers.X-Key", "header.NAME"),
            ("params.x", "param.NAME"),
            ("timeout ", "timeout"),
        ];
        for (name, nearest) in meant {
            let message = refused(name, "x");
            assert!(message.ends_with(&format!("did you mean {nearest}?")), "{message}");
            assert!(message.contains(&format!("\"{}\"", name.trim_end())), "{message}");
        }
        for name in ["verify", "ssl", "tenant", "retries", "id", ""] {
            assert_eq!(
                refused(name, "x"),
                format!("unknown option \"{name}\"; the README lists all, and so does \"tokensource options\"")
            );
        }
    }

    #[test]
    fn a_value_written_into_the_name_is_not_repeated() {
        for name in ["client_secret=hunter2", "client_secret: hunter2", "header.X-Key: hunter2", "param.x=hunter2"] {
            let message = refused(name, "");
            assert!(!message.contains("hunter2"), "{message}");
        }
        assert!(refused(&"x".repeat(1 << 20), "").len() < 300);
    }

    #[test]
    fn a_value_that_is_not_among_the_words_is_told_all_and_what_is_near() {
        assert_eq!(
            refused("auth_method", "Client-Secret-Post"),
            "option auth_method: unknown value \"Client-Secret-Post\", did you mean client_secret_post?; \
             allowed: client_secret_basic | client_secret_post"
        );
        let message = refused("provider", "podero_sandbx");
        assert!(message.contains("did you mean podero-sandbox?"), "{message}");
        assert!(message.ends_with("allowed: podero | podero-sandbox | gardin"), "{message}");
        for (name, value, meant) in [("allow_insecure_http", "True", "true"), ("body_format", "json ", "json")] {
            assert!(refused(name, value).contains(&format!("did you mean {meant}?")));
        }
        let none_is_near = "option allow_insecure_http: unknown value \"1\"; allowed: true | false";
        assert_eq!(refused("allow_insecure_http", "1"), none_is_near);
        assert!(refused("ca", &"\n".repeat(1000)).len() < 500);
        for option in options().iter().filter(|option| option.kind == Kind::Word) {
            assert!(option.words().all(|word| set(option.name(), word) == Ok(word.to_owned())));
        }
    }

    #[test]
    fn what_is_no_plain_decimal_of_at_most_ten_years_is_refused() {
        for text in [
            "inf", "NaN", "nan", "1e3", "1e400", "-0", "-1", "+1", " 1", "1 ", ".5", "5.", ".", "1.2.3", "1,5", "0x1",
            "٣", "1_0",
        ] {
            assert!(refused("refresh_ahead", text).contains("plain decimal"), "{text}");
        }
        for text in
            ["315576001", "315576000.000000001", "18446744073709551615", "18446744073709551616", &"9".repeat(400)]
        {
            let message = refused("timeout", text);
            assert!(message.contains("above 10 years") && message.len() < 250, "{message}");
        }
    }

    #[test]
    fn only_the_timeouts_must_be_above_zero() {
        for name in ["timeout", "connect_timeout"] {
            for zero in ["0", "0.0", "0.0000000001"] {
                assert!(refused(name, zero).contains("is not above 0"));
            }
            assert!(set(name, "0.000000001").is_ok());
        }
        for name in ["refresh_ahead", "expiry_margin", "default_lifetime"] {
            assert!(set(name, "0").is_ok());
        }
    }

    #[test]
    fn attempts_are_from_1_to_100() {
        for text in ["1", "100", "007"] {
            assert!(set("max_attempts", text).is_ok());
        }
        for text in ["0", "101", "+1", "-1", "1.0", "4294967297", " 1"] {
            assert!(refused("max_attempts", text).ends_with("allowed: a whole number from 1 to 100"));
        }
    }

    #[test]
    fn empty_is_refused_where_it_means_nothing() {
        for option in options() {
            let name = option.name().replace("NAME", "x");
            if matches!(option.kind, Kind::ClientSecret | Kind::Param) {
                assert_eq!(set(&name, ""), Ok(String::new()));
            } else {
                assert!(refused(&name, "").contains("the value is empty"));
            }
        }
    }

    #[test]
    fn no_value_is_without_bound() {
        assert!(set("param.x", &"x".repeat(LONGEST_VALUE)).is_ok());
        for option in options() {
            let name = option.name().replace("NAME", "x");
            assert!(refused(&name, &"1".repeat(LONGEST_VALUE + 1)).contains("longer than 64 KiB"));
        }
    }

    #[test]
    fn text_holds_no_control_characters() {
        for name in ["client_id", "grant_type", "audience", "user_agent", "header.x"] {
            assert_eq!(set(name, "Zoë: a b"), Ok("Zoë: a b".into()));
            for (bad, code) in
                [("a\r\nb", "U+000D"), ("a\0", "U+0000"), ("a\tb", "U+0009"), ("a\u{85}", "U+0085"), ("\x7f", "U+007F")]
            {
                assert!(refused(name, bad).contains(code));
            }
        }
        for name in ["user_agent", "header.x"] {
            assert!(refused(name, " a").contains("a space at an end"));
            assert!(refused(name, "a ").contains("a space at an end"));
        }
        assert_eq!(set("param.x", "any\n\0thing"), Ok("any\n\0thing".into()));
    }

    #[test]
    fn a_secret_is_one_line() {
        assert_eq!(set("client_secret", " p√ss\tword "), Ok(" p√ss\tword ".into()));
        assert!(refused("client_secret", "hunter2\n").contains("ends in a line break"));
        assert!(refused("client_secret", "hunter\r2").contains("holds a line break"));
        assert!(refused("client_secret", "hunter\x002").contains("holds a NUL"));
    }

    #[test]
    fn a_scope_is_what_rfc_6749_says() {
        for good in ["read", "read write", "api://x/.default", "!#[]~"] {
            assert!(set("scope", good).is_ok());
        }
        for bad in [" read", "read ", "read  write", "re\"ad", "re\\ad", "réad", "a\tb"] {
            refused("scope", bad);
        }
    }

    #[test]
    fn a_resource_is_an_absolute_uri_without_fragment() {
        for good in ["https://api.example.com/", "https://a/ urn:b:c", "https://a?q=1"] {
            assert!(set("resource", good).is_ok());
        }
        for bad in
            ["api", "/api", ":x", "1a:b", "https:", "https://a/#b", "https://a/  https://b/", "https://ä/", "a b"]
        {
            refused("resource", bad);
        }
    }

    #[test]
    fn header_names_are_one_option_in_any_case() {
        assert_eq!(find("header.Cache-Control").unwrap().1, "header.cache-control");
        assert_eq!(find("header.X_API.key!").unwrap().1, "header.x_api.key!");
        assert_eq!(find("header.Accept").unwrap().1, "header.accept");
    }

    #[test]
    fn headers_that_follow_from_the_request_cannot_be_set() {
        let ours = "Authorization Host Content-Type content-length CONTENT-ENCODING Transfer-Encoding Connection Keep-Alive \
                    TE Trailer Upgrade Expect Proxy-Authorization Proxy-Connection Accept-Encoding";
        for name in ours.split_whitespace() {
            assert!(refused(&format!("header.{name}"), "x").contains("not for an option"), "{name}");
        }
        assert!(refused("header.User-Agent", "x").contains("user_agent"));
        for name in ["", "a b", "a:b", "ä", "a\n", "a(b)"] {
            assert!(refused(&format!("header.{name}"), "x").contains("not the name of a header"), "{name}");
        }
    }

    #[test]
    fn params_that_have_an_option_cannot_be_set() {
        for name in ["grant_type", "scope", "audience", "resource", "client_id", "client_secret"] {
            assert!(find(name).is_ok());
            assert!(refused(&format!("param.{name}"), "x").contains("an option of its own"), "{name}");
        }
        for name in ["", "a b", "a=b", "ä", "a[b]"] {
            assert!(refused(&format!("param.{name}"), "x").contains("letters, digits"), "{name}");
        }
        assert!(find(&format!("param.{}", "x".repeat(LONGEST_VALUE))).is_ok());
        assert!(refused(&format!("param.{}", "x".repeat(LONGEST_VALUE + 1)), "x").contains("64 KiB"));
        assert_eq!(find("param.Account-Id").unwrap().1, "param.Account-Id");
        assert!(find("param.client_assertion").is_ok());
    }

    #[test]
    fn urls_and_proxies_are_read_when_set() {
        assert!(set("token_url", "https://h/t").is_ok());
        assert!(set("token_url", "http://h/t").is_ok(), "allow_insecure_http may come later");
        assert!(refused("token_url", "https://me:hunter2@h/").starts_with("option token_url: it holds a user"));
        assert!(set("proxy", "none").is_ok());
        assert!(set("proxy", "http://me:pw@h:3128").is_ok());
        assert!(refused("proxy", "https://me:hunter2@h").starts_with("option proxy: a proxy is spoken to over http"));
    }

    #[test]
    fn paths_are_made_absolute_when_set() {
        let here = std::env::current_dir().unwrap();
        for name in ["client_secret_file", "ca_file", "client_cert_file", "client_key_file"] {
            assert_eq!(set(name, "a/b").unwrap(), here.join("a/b").to_str().unwrap());
            assert!(refused(name, "a\0b").contains("NUL"));
            let one_line = r"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
            for content in ["-----BEGIN PRIVATE KEY-----\nhunter2\n", one_line, "hunter2\n", "hunter2\r"] {
                let message = refused(name, content);
                assert!(message.contains("not what is in it") && !message.contains("hunter2"), "{message}");
            }
        }
        #[cfg(unix)]
        assert_eq!(set("ca_file", "/a/b"), Ok("/a/b".into()));
    }

    #[test]
    fn no_error_shows_a_secret() {
        let spoiled =
            ["hunter2\n", "hunter2\0", "hunter2\r\nX: y", " hunter2", "http://hunter2:hunter2", "https://hunter2@h"];
        let mut refusals = 0;
        for option in options().iter().filter(|option| option.is_secret()) {
            for value in spoiled {
                if let Err(message) = set(&option.name().replace("NAME", "x"), value) {
                    assert!(!message.contains("hunter2"), "{message}");
                    refusals += 1;
                }
            }
        }
        assert!(refusals > 10);
    }
}
