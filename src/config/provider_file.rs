//! A provider file: lines of `name=value` that describe a server as a row of `providers.rs` does.
//!
//! Pure: its text was read elsewhere. It must not set a path, a credential or a rule of the network: a file that is shared
//! must not redirect the secret of another service.

use crate::{
    config::{names::OptionName, template::Template, values::Values},
    redact::truncate,
    secret::Secret,
    words::SHOWN,
};
use std::collections::BTreeSet;

/// The options that a provider file may set. `NAME` stands for any.
const ALLOWED: [&str; 25] = [
    "token_url",
    "issuer",
    "auth_method",
    "basic_encoding",
    "body_format",
    "grant_type",
    "scope",
    "audience",
    "resource",
    "token_type",
    "signing_algorithm",
    "signing_cert_header",
    "assertion_audience",
    "assertion_lifetime",
    "assertion_typ",
    "claim.NAME",
    "response.access_token",
    "response.expires_in",
    "response.expires_at",
    "subject_token_type",
    "requested_token_type",
    "default_lifetime",
    "max_lifetime",
    "param.NAME",
    "header.NAME",
];

/// The most lines of which an error says what is wrong.
const MOST_ERRORS: usize = 3;

/// A line that sets an option.
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) name: OptionName,
    /// It may have placeholders. A text without any is allowed for its option.
    pub(crate) text: Secret,
}

/// Parses the text of a provider file. The error has the number of each line that is wrong, and no secret.
pub(crate) fn parse(text: &str) -> Result<Vec<Line>, String> {
    let (mut lines, mut names, mut errors) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.starts_with('#') || trimmed(line).is_empty() {
            continue;
        }
        let parsed = parse_line(line).and_then(|(name, text)| match names.insert(name.full()) {
            true => Ok(Line { number, name, text }),
            false => Err(format!("{} is set twice", truncate(&name.full(), SHOWN))),
        });
        match parsed {
            Ok(line) => lines.push(line),
            Err(wrong) => errors.push(format!("line {number}: {wrong}")),
        }
        if errors.len() == MOST_ERRORS {
            break;
        }
    }
    if errors.is_empty() { Ok(lines) } else { Err(errors.join("; ")) }
}

fn parse_line(line: &str) -> Result<(OptionName, Secret), String> {
    let (name, text) = line.split_once('=').ok_or("it is not NAME=VALUE")?;
    let (name, text) = (trimmed(name), trimmed(text));
    let found = OptionName::find(name).map_err(|error| error.message().to_owned())?;
    if !ALLOWED.contains(&found.option.name()) {
        let name = found.full();
        let name = truncate(&name, SHOWN);
        return Err(format!("{name} does not belong in a provider file: set it in the program"));
    }
    let template =
        Template::parse(text).map_err(|wrong| format!("option {}: {wrong}", truncate(&found.full(), SHOWN)))?;
    if template.variables().is_empty() {
        Values::default().set(name, Some(text)).map_err(|error| error.message().to_owned())?;
    }
    Ok((found, Secret::new(text)))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options;

    fn lines(text: &str) -> Vec<(usize, String, String)> {
        let lines = parse(text).unwrap_or_else(|wrong| panic!("{text:?}: {wrong}"));
        lines.iter().map(|line| (line.number, line.name.full(), line.text.expose().to_owned())).collect()
    }

    fn line(number: usize, name: &str, text: &str) -> (usize, String, String) {
        (number, name.to_owned(), text.to_owned())
    }

    #[test]
    fn a_file_is_read_line_by_line() {
        let text = "# our server\r\n\r\ntoken_url = https://{host}/token\r\n \t\nscope=read write  \n#\nheader.X-Key = a=b\n\
                    signing_cert_header=x5t#S256\nparam.empty=\n  claim.scope  =  a # b";
        assert_eq!(
            lines(text),
            [
                line(3, "token_url", "https://{host}/token"),
                line(5, "scope", "read write"),
                line(7, "header.x-key", "a=b"),
                line(8, "signing_cert_header", "x5t#S256"),
                line(9, "param.empty", ""),
                line(10, "claim.scope", "a # b"),
            ]
        );
        for text in ["", "\n", "\r\n", "#", "# a\n#b=c"] {
            assert_eq!(lines(text), []);
        }
    }

    #[test]
    fn a_line_that_is_wrong_is_reported_with_its_number() {
        for (text, wrong) in [
            ("scope", "line 1: it is not NAME=VALUE"),
            ("\n\n ca_file=/ca", "line 3: ca_file does not belong in a provider file: set it in the program"),
            ("token_url=https://a/\n\nscope=a\ntoken_url=https://b/", "line 4: token_url is set twice"),
            ("header.X-A=a\nheader.x-a=b", "line 2: header.x-a is set twice"),
            ("scop=a", "line 1: unknown option \"scop\", did you mean scope?"),
            (" # scope=a", "line 1: unknown option \"\", did you mean scope?"),
            ("token_url=https://h/?a={x}", "line 1: option token_url: it has {x} outside the host and the path"),
            ("scope=a\rb", "line 1: option scope: it holds a character at byte 1"),
            ("body_format=xml", "line 1: option body_format: unknown value \"xml\"; allowed: form | json"),
            ("scope=", "line 1: option scope: the value is empty"),
            ("a=1\nb=2\nc=3\nd=4", "line 1: "),
        ] {
            let error = parse(text).err().unwrap_or_else(|| panic!("{text:?} is a provider file"));
            assert!(error.starts_with(wrong), "{text:?}: {error}");
        }
        let error = parse("a=1\nb=2\nc=3\nd=4").err().unwrap();
        assert!(error.contains("; line 3: ") && !error.contains("line 4"), "{error}");
    }

    #[test]
    fn no_error_shows_a_secret() {
        for text in [
            "client_secret=hunter2",
            "param.scope=hunter2",
            "header.x=hunter2\u{7f}",
            "client_secret: hunter2=",
            "hunter2",
            "proxy=http://u:hunter2@h",
            "signing_key=hunter2",
        ] {
            let error = parse(text).err().unwrap_or_else(|| panic!("{text:?} is a provider file"));
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_file_describes_a_server_and_nothing_else() {
        let known: Vec<_> = options().iter().map(|option| option.name()).collect();
        for name in ALLOWED {
            assert!(known.contains(&name), "{name}");
        }
        let refused: Vec<_> = known.into_iter().filter(|name| !ALLOWED.contains(name)).collect();
        for name in refused {
            let error = parse(&format!("{name}=x")).err().unwrap();
            assert_eq!(error, format!("line 1: {name} does not belong in a provider file: set it in the program"));
        }
    }
}
