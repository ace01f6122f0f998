//! Which option a name means, and which was probably meant where none has the name.
//!
//! Pure. It must not look at values.

use crate::{
    config::{
        options::{Family, Field, OptionInfo, Slot, options},
        values::LONGEST_VALUE,
    },
    error::{Error, ErrorKind},
    redact::truncate,
};

/// How much of a name or value an error shows, in characters.
pub(crate) const SHOWN: usize = 80;

/// A row of the table, and where its value is kept.
pub(crate) struct OptionName {
    pub(crate) option: &'static OptionInfo,
    pub(crate) place: Place,
}

pub(crate) enum Place {
    Field(&'static Field),
    /// With what stands for NAME. Headers in lower case, since their names are the same in any case.
    Member(&'static Family, String),
}

impl OptionName {
    /// Finds the row of an option. The error names the option that was probably meant.
    pub(crate) fn find(name: &str) -> Result<Self, Error> {
        let invalid = |message| Error::new(ErrorKind::InvalidArgument, message);
        for option in options() {
            match option.slot() {
                Slot::Field(field) if option.name() == name => return Ok(Self { option, place: Place::Field(field) }),
                Slot::Field(_) => {}
                Slot::Family(family) => {
                    if let Some(member) = name.strip_prefix(family.prefix) {
                        let member = (family.parse_name)(member);
                        let member = member.map_err(|wrong| invalid(format!("option {}: {wrong}", option.name())))?;
                        return Ok(Self { option, place: Place::Member(family, member) });
                    }
                }
            }
        }
        // The value may have been written into the name: only what could be a name is repeated.
        let shown = name.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).next().unwrap_or_default();
        let advice = match closest(name, options().iter().map(OptionInfo::name)) {
            Some(name) => format!(", did you mean {name}?"),
            None => "; the README lists all, and so does \"tokensource options\"".into(),
        };
        Err(invalid(format!("unknown option \"{}\"{advice}", truncate(shown, SHOWN))))
    }

    /// Returns the name under which the value is shown, such as `header.x-key`.
    pub(crate) fn full(&self) -> String {
        match &self.place {
            Place::Field(_) => self.option.name().to_owned(),
            Place::Member(family, member) => [family.prefix, member].concat(),
        }
    }
}

/// Returns the candidate that was probably meant; None if none is close. A candidate that contains the whole word goes
/// before one that is only similar: `secret` means `client_secret`, although `scope` is fewer letters away.
pub(crate) fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let normalized = |text: &str| {
        let text = text.split('.').next().unwrap_or_default();
        text.chars().take(64).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect::<String>()
    };
    let word = normalized(word);
    // One letter in three may be wrong, as rustc has it.
    let most = word.chars().count().max(3) / 3;
    let distance = |candidate: &&str| {
        let candidate = normalized(candidate);
        let contains = word.len() >= 3 && candidate.contains(&word);
        (!contains, strsim::damerau_levenshtein(&word, &candidate))
    };
    let (closest, (only_similar, distance)) =
        candidates.map(|each| (each, distance(&each))).min_by_key(|&(_, distance)| distance)?;
    (!only_similar || distance <= most).then_some(closest)
}

/// Parses the NAME of `header.NAME`, and returns it in lower case.
pub(crate) fn header_name(name: &str) -> Result<String, String> {
    const SET_BY_THE_LIBRARY: &[&str] = &[
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
        .map_err(|_| "NAME is not the name of a header (RFC 9110 section 5.1); give the value separately")?;
    let name = name.as_str();
    if name == "user-agent" {
        return Err("User-Agent is the option user_agent".into());
    }
    if SET_BY_THE_LIBRARY.contains(&name) || name.starts_with("content-") || name.starts_with("proxy-") {
        return Err(format!("{} is not for an option to set: it follows from the request", truncate(name, SHOWN)));
    }
    Ok(name.to_owned())
}

/// Parses the NAME of `param.NAME` (RFC 6749 §8.2).
pub(crate) fn param_name(name: &str) -> Result<String, String> {
    const WITH_AN_OPTION: &[&str] = &["grant_type", "scope", "audience", "resource", "client_id", "client_secret"];
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        return Err("NAME is of letters, digits and - . _ (RFC 6749 section 8.2); give the value separately".into());
    }
    if name.len() > LONGEST_VALUE {
        return Err("NAME is longer than 64 KiB".into());
    }
    if WITH_AN_OPTION.contains(&name) {
        return Err(format!("{name} is an option of its own: set that"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(name: &str) -> String {
        OptionName::find(name).unwrap().full()
    }

    fn rejected(name: &str) -> String {
        let Err(error) = OptionName::find(name) else { panic!("{name:?} is an option") };
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(!error.message().contains(char::is_control), "{error}");
        error.message().to_owned()
    }

    #[test]
    fn an_unknown_name_is_rejected_with_the_closest_or_where_to_look() {
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
        for (name, closest) in meant {
            let message = rejected(name);
            assert!(message.ends_with(&format!("did you mean {closest}?")), "{message}");
            assert!(message.contains(&format!("\"{}\"", name.trim_end())), "{message}");
        }
        for name in ["verify", "ssl", "tenant", "retries", "id", ""] {
            assert_eq!(
                rejected(name),
                format!("unknown option \"{name}\"; the README lists all, and so does \"tokensource options\"")
            );
        }
    }

    #[test]
    fn a_value_written_into_the_name_is_not_repeated() {
        for name in ["client_secret=hunter2", "client_secret: hunter2", "header.X-Key: hunter2", "param.x=hunter2"] {
            let message = rejected(name);
            assert!(!message.contains("hunter2"), "{message}");
        }
        assert!(rejected(&"x".repeat(1 << 20)).len() < 300);
    }

    #[test]
    fn header_names_are_one_option_in_any_case() {
        assert_eq!(full("header.Cache-Control"), "header.cache-control");
        assert_eq!(full("header.X_API.key!"), "header.x_api.key!");
        assert_eq!(full("header.Accept"), "header.accept");
    }

    #[test]
    fn headers_that_follow_from_the_request_cannot_be_set() {
        let ours = "Authorization Host Content-Type content-length CONTENT-ENCODING Transfer-Encoding Connection Keep-Alive \
                    TE Trailer Upgrade Expect Proxy-Authorization Proxy-Connection Accept-Encoding";
        for name in ours.split_whitespace() {
            assert!(rejected(&format!("header.{name}")).contains("not for an option"), "{name}");
        }
        assert!(rejected("header.User-Agent").contains("user_agent"));
        for name in ["", "a b", "a:b", "ä", "a\n", "a(b)"] {
            assert!(rejected(&format!("header.{name}")).contains("not the name of a header"), "{name}");
        }
    }

    #[test]
    fn params_that_have_an_option_cannot_be_set() {
        for name in ["grant_type", "scope", "audience", "resource", "client_id", "client_secret"] {
            assert_eq!(full(name), name);
            assert!(rejected(&format!("param.{name}")).contains("an option of its own"), "{name}");
        }
        for name in ["", "a b", "a=b", "ä", "a[b]"] {
            assert!(rejected(&format!("param.{name}")).contains("letters, digits"), "{name}");
        }
        assert!(OptionName::find(&format!("param.{}", "x".repeat(LONGEST_VALUE))).is_ok());
        assert!(rejected(&format!("param.{}", "x".repeat(LONGEST_VALUE + 1))).contains("64 KiB"));
        assert_eq!(full("param.Account-Id"), "param.Account-Id");
        assert_eq!(full("param.client_assertion"), "param.client_assertion");
    }
}
