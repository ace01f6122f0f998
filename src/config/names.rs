//! Options by name: finds the row that a name means, and sets, unsets or shows its value.
//!
//! Pure. It must not know a single option: all that it does follows from the table.

use crate::{
    config::{
        options::{Family, Field, OTHER_NAMES, OptionInfo, Slot, options},
        parsers::LONGEST_VALUE,
        values::Values,
    },
    error::{Error, ErrorKind},
    redact::truncate,
    words::{SHOWN, closest},
};
use std::fmt;

/// The prefix of rows that are no family: each NAME has a meaning of its own.
const RESPONSE: &str = "response.";

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
        let response = |option: &&OptionInfo| option.name().starts_with(RESPONSE);
        if name.starts_with(RESPONSE) {
            let known: Vec<_> = options().iter().filter(response).map(OptionInfo::name).collect();
            return Err(invalid(format!("unknown option in response.NAME; allowed: {}", known.join(", "))));
        }
        // The value may have been written into the name: only what could be a name is repeated.
        let shown = name.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).next().unwrap_or_default();
        let other = OTHER_NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(&name.replace('-', "_")));
        let meant = other.map(|(_, meant)| *meant).or_else(|| closest(name, options().iter().map(OptionInfo::name)));
        let advice = match meant {
            Some(name) => format!(", did you mean {name}?"),
            None => "; docs/options.md lists all, and so does \"tokensource options\"".into(),
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

impl Values {
    /// Sets an option by its name, or unsets it. The error says what is allowed or which name was meant; the values are
    /// then as they were.
    pub(crate) fn set(&mut self, name: &str, text: Option<&str>) -> Result<(), Error> {
        let name = OptionName::find(name)?;
        self.put(&name, text).map_err(|wrong| {
            let (name, allowed) = (truncate(&name.full(), SHOWN), name.option.allowed());
            Error::new(ErrorKind::InvalidArgument, format!("option {name}: {wrong}; allowed: {allowed}"))
        })
    }

    fn put(&mut self, name: &OptionName, text: Option<&str>) -> Result<(), String> {
        if let Some(text) = text {
            if text.is_empty() && !name.option.may_be_empty() {
                return Err("the value is empty; to unset the option, give no value (NULL, None, null)".into());
            }
            if text.len() > LONGEST_VALUE {
                return Err("the value is longer than 64 KiB".into());
            }
        }
        match &name.place {
            Place::Field(field) => (field.set)(self, text),
            Place::Member(family, member) => {
                let value = text.map(family.parse_value).transpose()?;
                (family.members_mut)(self).insert(member.clone(), value);
                Ok(())
            }
        }
    }

    pub(crate) fn is_set(&self, name: &OptionName) -> bool {
        match &name.place {
            Place::Field(field) => (field.get)(self).is_some(),
            Place::Member(family, member) => (family.members)(self).contains_key(member),
        }
    }
}

/// Shows the options that are set; `[redacted]` stands for each value that is a secret.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for option in options() {
            match option.slot() {
                Slot::Field(field) => match (field.get)(self) {
                    Some(_) if option.is_secret() => drop(map.entry(&option.name(), &format_args!("[redacted]"))),
                    Some(value) => drop(map.entry(&option.name(), value)),
                    None => {}
                },
                Slot::Family(family) => {
                    for (member, value) in (family.members)(self) {
                        let name = [family.prefix, member].concat();
                        match value {
                            Some(value) if !option.is_secret() => map.entry(&name, &Some(value.expose())),
                            value => map.entry(&name, value),
                        };
                    }
                }
            }
        }
        map.finish()
    }
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
            ("private_key", "signing_key"),
            ("PRIVATE-KEY-FILE", "signing_key_file"),
            ("kid", "signing_key_id"),
            ("alg", "signing_algorithm"),
            ("aud", "assertion_audience"),
            ("Tenant", "variable.tenant"),
            ("variables.tenant", "variable.NAME"),
            ("claims.sub", "claim.NAME"),
        ];
        for (name, closest) in meant {
            let message = rejected(name);
            assert!(message.ends_with(&format!("did you mean {closest}?")), "{message}");
            assert!(message.contains(&format!("\"{}\"", name.trim_end())), "{message}");
        }
        for name in ["verify", "ssl", "retries", "id", ""] {
            assert_eq!(
                rejected(name),
                format!("unknown option \"{name}\"; docs/options.md lists all, and so does \"tokensource options\"")
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
    fn another_member_of_response_is_rejected_with_the_three() {
        for name in ["scope", "", "NAME", "access_token.x", "accessToken", "Access_token", "token_type"] {
            assert_eq!(
                rejected(&format!("response.{name}")),
                "unknown option in response.NAME; allowed: response.access_token, response.expires_in, response.expires_at"
            );
        }
        assert_eq!(full("response.access_token"), "response.access_token");
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
            assert!(rejected(&format!("header.{name}")).contains("cannot be set by an option"), "{name}");
        }
        assert!(rejected("header.User-Agent").contains("user_agent"));
        for name in ["", "a b", "a:b", "ä", "a\n", "a(b)"] {
            assert!(rejected(&format!("header.{name}")).contains("not the name of a header"), "{name}");
        }
    }

    #[test]
    fn params_that_have_an_option_cannot_be_set() {
        for name in ["grant_type", "scope", "audience", "resource"] {
            assert_eq!(full(name), name);
            assert!(rejected(&format!("param.{name}")).contains("an option of its own"), "{name}");
        }
        // Some servers read them in the body in addition to HTTP Basic (ADP, IdentityServer).
        for name in ["param.client_id", "param.client_secret"] {
            assert_eq!(full(name), name);
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
