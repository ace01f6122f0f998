//! Pure: reads the members of a JSON object that cannot be trusted: a response, or a file.
//!
//! Of two members with one name, serde_json alone silently keeps the last. It also rejects a whole document for one number
//! that an f64 cannot hold. Here each value stays text until it is used. An error must not quote the text, which may hold a
//! token: it names a place.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
};
use zeroize::Zeroizing;

/// The depth that serde_json allows. A caller can therefore parse `Grant::response` again.
const MAX_DEPTH: usize = 127;

/// Token servers send fewer than a hundred. Those that fit into a body of a megabyte would take 20 MB.
const MAX_MEMBERS: usize = 1000;

/// A JSON object: each name once, in the order of their first appearance.
pub(crate) struct Object<'a>(Vec<(String, &'a RawValue)>);

/// Why a text is not a usable object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ObjectError {
    NotJson { line: usize, column: usize },
    NotAnObject,
    TooDeep,
    TooManyMembers,
    Contradiction { member: String },
}

impl<'a> Object<'a> {
    /// Reads a text that is one object and nothing else. A member that is repeated with the same value counts once.
    pub(crate) fn read(text: &'a str) -> Result<Self, ObjectError> {
        // serde_json skips values without recursion (`ignore_value`), so the depth can be checked afterwards.
        let Members(members) = serde_json::from_str(text).map_err(|error| match error.is_data() {
            true => ObjectError::NotAnObject,
            false => ObjectError::NotJson { line: error.line(), column: error.column() },
        })?;
        if depth(text) > MAX_DEPTH {
            return Err(ObjectError::TooDeep);
        }
        if members.len() > MAX_MEMBERS {
            return Err(ObjectError::TooManyMembers);
        }
        deduplicated(members).map(Self)
    }

    /// Returns the value of a member. Returns None if it is absent or `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        (value.get() != "null").then_some(*value)
    }

    /// Returns the value of a member if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<Zeroizing<String>> {
        self.get(name).and_then(text)
    }

    /// Returns the value that a path of names leads to. The error is that of an object on the way.
    pub(crate) fn at(&self, path: &[String]) -> Result<Option<&'a RawValue>, ObjectError> {
        let Some((name, way)) = path.split_last() else { return Ok(None) };
        let Some(object) = self.inner(way)? else { return Ok(self.get(name).filter(|_| way.is_empty())) };
        Ok(object.get(name))
    }

    /// Returns the object that a path of names leads to. Returns None if there is none, or if the path is empty.
    pub(crate) fn inner(&self, way: &[String]) -> Result<Option<Object<'a>>, ObjectError> {
        let mut inner: Option<Object<'a>> = None;
        for name in way {
            let Some(value) = inner.as_ref().unwrap_or(self).get(name) else { return Ok(None) };
            inner = match Object::read(value.get()) {
                Err(ObjectError::NotAnObject) => return Ok(None),
                object => Some(object?),
            };
        }
        Ok(inner)
    }

    /// Returns the texts in the members of these names, at every depth.
    pub(crate) fn texts(&self, names: &[&str]) -> Vec<Zeroizing<String>> {
        let mut found = Vec::new();
        for (name, value) in &self.0 {
            let omitted = Omitted { names, at_every_depth: true, path: &[], text: None };
            let mut portable = Portable::new(value.get(), &omitted);
            portable.is_omitted = names.contains(&name.as_str());
            portable.value(&mut Zeroizing::default(), &[]);
            found.append(&mut portable.found);
        }
        found
    }

    /// Returns the object without these members, as JSON that every parser reads. A value that every parser reads is kept
    /// as it was written, and so is a number that no double holds.
    pub(crate) fn without(&self, omitted: &Omitted<'_>) -> Zeroizing<String> {
        let length = self.0.iter().map(|(name, value)| 6 * name.len() + value.get().len() + 4).sum::<usize>() + 2;
        let mut rest = Zeroizing::new(String::with_capacity(length));
        rest.push('{');
        let path = omitted.path;
        let is_kept = |name: &str| !omitted.names.contains(&name) && !matches!(path, [last] if last == name);
        for (name, value) in self.0.iter().filter(|(name, _)| is_kept(name)) {
            if rest.len() > 1 {
                rest.push(',');
            }
            rest.push_str(&serde_json::Value::from(name.as_str()).to_string());
            rest.push(':');
            match Portable::of(value.get(), omitted, way(path, name)) {
                Some(portable) => rest.push_str(&portable),
                None => rest.push_str(value.get()),
            }
        }
        rest.push('}');
        rest
    }
}

/// Returns the value if it is a string.
pub(crate) fn text(value: &RawValue) -> Option<Zeroizing<String>> {
    serde_json::from_str(value.get()).ok().map(Zeroizing::new)
}

/// What is left out of an object.
#[derive(Default)]
pub(crate) struct Omitted<'o> {
    /// Members of these names.
    pub(crate) names: &'o [&'o str],
    /// Whether members of these names are left out of inner objects too.
    pub(crate) at_every_depth: bool,
    /// The member that this path leads to.
    pub(crate) path: &'o [String],
    /// A text, for which `[redacted]` stands wherever it is the whole of a value.
    pub(crate) text: Option<&'o str>,
}

/// The most texts that [`Object::texts`] returns. No server sends as many tokens.
const MAX_TEXTS: usize = 100;

/// Returns what is left of a path behind a member.
fn way<'p>(path: &'p [String], name: &str) -> &'p [String] {
    path.split_first().filter(|(first, rest)| *first == name && !rest.is_empty()).map_or(&[], |(_, rest)| rest)
}

/// Rewrites a value into JSON that every parser reads. Half a surrogate pair and a NUL become U+FFFD: serde_json and Go
/// reject the first, many C parsers the second. Of two members with one name the last is kept, as JavaScript and Python do.
struct Portable<'a> {
    rest: &'a str,
    omitted: &'a Omitted<'a>,
    is_changed: bool,
    /// Whether the rest is inside a member that is left out, whose texts are `found`.
    is_omitted: bool,
    found: Vec<Zeroizing<String>>,
}

impl<'a> Portable<'a> {
    /// Returns the rewritten value. Returns None if every parser reads it as it is. The text must be JSON, no deeper than
    /// [`MAX_DEPTH`].
    fn of(text: &'a str, omitted: &'a Omitted<'a>, path: &[String]) -> Option<Zeroizing<String>> {
        if omitted.text.is_none() && !text.contains(['\\', '{']) {
            return None;
        }
        let mut portable = Portable::new(text, omitted);
        let mut written = Zeroizing::new(String::with_capacity(text.len()));
        portable.value(&mut written, path);
        portable.is_changed.then_some(written)
    }

    fn new(text: &'a str, omitted: &'a Omitted<'a>) -> Self {
        Portable { rest: text, omitted, is_changed: false, is_omitted: false, found: Vec::new() }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    /// Moves the value at the start of the rest.
    fn value(&mut self, to: &mut Zeroizing<String>, path: &[String]) {
        match self.rest.as_bytes().first() {
            Some(b'{') => self.object(to, path),
            Some(b'[') => self.array(to),
            Some(b'"') => {
                let string = self.string();
                let text = text_of(&string);
                if self.omitted.text == Some(text.as_str()) {
                    self.is_changed = true;
                    to.push_str("\"[redacted]\"");
                } else {
                    to.push_str(&string);
                }
                if self.is_omitted && self.found.len() < MAX_TEXTS {
                    self.found.push(text);
                }
            }
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
                to.push_str(&self.rest[..end]);
                self.skip(end);
            }
        }
    }

    fn array(&mut self, to: &mut Zeroizing<String>) {
        to.push('[');
        self.skip(1);
        while !self.rest.is_empty() && !self.rest.starts_with(']') {
            if self.rest.starts_with(',') {
                to.push(',');
                self.skip(1);
            }
            self.value(to, &[]);
        }
        to.push(']');
        self.skip(1.min(self.rest.len()));
    }

    fn object(&mut self, to: &mut Zeroizing<String>, path: &[String]) {
        let mut members: Vec<(Zeroizing<String>, Zeroizing<String>)> = Vec::new();
        let mut places = HashMap::new();
        self.skip(1);
        while self.rest.starts_with([',', '"']) {
            if self.rest.starts_with(',') {
                self.skip(1);
            }
            let name = self.string();
            // The colon.
            self.skip(1);
            let mut value = Zeroizing::new(String::new());
            let text = text_of(&name).to_string();
            let is_named = self.omitted.at_every_depth && self.omitted.names.contains(&text.as_str());
            let is_omitted = is_named || matches!(path, [last] if *last == text);
            let was_omitted = self.is_omitted;
            self.is_omitted |= is_omitted;
            self.value(&mut value, way(path, &text));
            self.is_omitted = was_omitted;
            if is_omitted {
                self.is_changed = true;
                continue;
            }
            match places.entry(text) {
                Entry::Vacant(place) => {
                    place.insert(members.len());
                    members.push((name, value));
                }
                Entry::Occupied(place) => {
                    self.is_changed = true;
                    members[*place.get()].1 = value;
                }
            }
        }
        self.skip(1.min(self.rest.len()));
        to.push('{');
        for (nth, (name, value)) in members.iter().enumerate() {
            if nth > 0 {
                to.push(',');
            }
            to.push_str(name);
            to.push(':');
            to.push_str(value);
        }
        to.push('}');
    }

    /// Takes the string at the start of the rest, with its quotes.
    fn string(&mut self) -> Zeroizing<String> {
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let string = &self.rest[..end.map_or(self.rest.len(), |end| end + 2)];
        let portable = portable_string(string);
        self.is_changed |= *portable != *string;
        self.skip(string.len());
        portable
    }
}

/// Returns a string of JSON, with its quotes, in which U+FFFD stands for each half of a surrogate pair and each NUL.
fn portable_string(string: &str) -> Zeroizing<String> {
    const REPLACEMENT: &str = "\\ufffd";
    let mut written = Zeroizing::new(String::with_capacity(string.len()));
    let mut rest = string;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        written.push_str(before);
        let unit = |escape: &str| u16::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok();
        let is_low = |escape: Option<&str>| matches!(escape.and_then(unit), Some(0xdc00..=0xdfff));
        let length = match unit(escape) {
            Some(0xd800..=0xdbff) if is_low(escape.get(6..)) => 12,
            Some(0 | 0xd800..=0xdfff) => {
                written.push_str(REPLACEMENT);
                rest = &escape[6..];
                continue;
            }
            Some(_) => 6,
            None => 2.min(escape.len()),
        };
        written.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    written.push_str(rest);
    written
}

/// Returns the text of a string of JSON, whatever it escapes.
fn text_of(portable: &str) -> Zeroizing<String> {
    Zeroizing::new(serde_json::from_str(portable).unwrap_or_default())
}

/// Returns how deep brackets are nested in a text that is JSON.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    deepest
}

/// Drops repetitions and rejects contradictions: two readers of a response must not see two tokens in it.
fn deduplicated(members: Vec<(String, &RawValue)>) -> Result<Vec<(String, &RawValue)>, ObjectError> {
    let mut by_name: Vec<usize> = (0..members.len()).collect();
    by_name.sort_by_key(|&index| (&members[index].0, index));
    let mut repeated = vec![false; members.len()];
    for pair in by_name.windows(2) {
        let [(first, one), (second, other)] = [&members[pair[0]], &members[pair[1]]];
        if first != second {
            continue;
        }
        // Names that differed may be the same since U+FFFD stands in them. No reader needs them, and the last is kept.
        if first.contains(char::REPLACEMENT_CHARACTER) {
            repeated[pair[0]] = true;
        } else if is_same_value(one, other) {
            repeated[pair[1]] = true;
        } else {
            return Err(ObjectError::Contradiction { member: first.clone() });
        }
    }
    let mut repeated = repeated.into_iter();
    Ok(members.into_iter().filter(|_| !repeated.next().unwrap_or(false)).collect())
}

fn is_same_value(one: &RawValue, other: &RawValue) -> bool {
    let value = |raw: &RawValue| serde_json::from_str::<serde_json::Value>(raw.get()).ok();
    one.get() == other.get()
        || match (text(one), text(other)) {
            (None, None) => value(one).is_some_and(|one| Some(one) == value(other)),
            (one, other) => one == other,
        }
}

/// All members as they came, with repetitions, but at most one more than allowed.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    if members.len() <= MAX_MEMBERS {
                        members.push((text_of(&portable_string(name.get())).to_string(), value));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        Object::read(text).unwrap().0.into_iter().map(|(name, _)| name).collect()
    }

    fn without(object: &Object<'_>, names: &[&str]) -> String {
        object.without(&Omitted { names, ..Omitted::default() }).to_string()
    }

    fn error_of(text: &str) -> ObjectError {
        Object::read(text).err().unwrap()
    }

    #[test]
    fn members_keep_their_order_and_values_their_spelling() {
        let object = Object::read(" {\"b\" : 1e400 , \"a\":[ 1,{\"x\" :2}], \"c\":\"\\u0041\"} ").unwrap();
        assert_eq!(without(&object, &[]), r#"{"b":1e400,"a":[ 1,{"x" :2}],"c":"\u0041"}"#);
        assert_eq!(without(&object, &["b", "c", "unknown"]), r#"{"a":[ 1,{"x" :2}]}"#);
        assert_eq!(without(&object, &["a", "b", "c"]), "{}");
        assert_eq!(object.text("c").unwrap().as_str(), "A");
        assert_eq!(object.text("b"), None);
    }

    #[test]
    fn a_name_is_found_in_any_spelling() {
        let object = Object::read(r#"{"access\u005ftoken":"x","q\"\u0000":1}"#).unwrap();
        assert_eq!(object.text("access_token").unwrap().as_str(), "x");
        assert_eq!(without(&object, &["access_token"]), "{\"q\\\"\u{fffd}\":1}");
    }

    #[test]
    fn what_is_passed_on_is_json_that_every_parser_reads() {
        for (value, passed_on) in [
            (r#""\udddd""#, r#""\ufffd""#),
            (r#""a\ud800""#, r#""a\ufffd""#),
            (r#""\ud800\ud800\udc00\udc00""#, r#""\ufffd\ud800\udc00\ufffd""#),
            (r#""\ud83d\ude00 \uD83D\uDE00""#, r#""\ud83d\ude00 \uD83D\uDE00""#),
            (r#""\\ud800 \\\ud800""#, r#""\\ud800 \\\ufffd""#),
            (r#""\ud800\n\"\\""#, r#""\ufffd\n\"\\""#),
            (r#""\u0000\u0001""#, r#""\ufffd\u0001""#),
            (r#"[1, ["\ud800", {}], {"\udc00" : "x"}, []]"#, r#"[1,["\ufffd",{}],{"\ufffd":"x"},[]]"#),
            (r#"{"a":1,"b":{"c":[1],"c":2},"a":3}"#, r#"{"a":3,"b":{"c":2}}"#),
            (r#"{"a":1,"\u0061":2}"#, r#"{"a":2}"#),
            (r#"{"\ud800":1,"\ud801":2}"#, r#"{"\ufffd":2}"#),
            // As it was written.
            (r#"{ "a" : [ 1e400, -0.10 ], "b" : { } }"#, r#"{ "a" : [ 1e400, -0.10 ], "b" : { } }"#),
            (r#"[{"x":"\/\u00fc"}]"#, r#"[{"x":"\/\u00fc"}]"#),
            ("\"\u{feff}\u{7f}\u{2028}\u{ffff}\"", "\"\u{feff}\u{7f}\u{2028}\u{ffff}\""),
        ] {
            let text = format!(r#"{{"v":{value},"\ud800":1,"\udfff":2,"n\u0000":3}}"#);
            let object = Object::read(&text).unwrap();
            let expected = format!("{{\"v\":{passed_on},\"\u{fffd}\":2,\"n\u{fffd}\":3}}");
            let rest = without(&object, &[]);
            assert_eq!(rest, expected, "{value}");
            if !value.contains("e400") {
                serde_json::from_str::<serde_json::Value>(&rest).unwrap();
            }
        }
    }

    #[test]
    fn a_path_leads_through_objects_only() {
        let object = Object::read(r#"{"a":{"b":{"c":"x","d":null}},"e":[{"b":1}],"f":"y","g":{"b":1,"b":2}}"#).unwrap();
        let path = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        let at = |names: &str| object.at(&path(names)).map(|value| value.map(|value| value.get().to_owned()));
        assert_eq!(at("a.b.c").unwrap().unwrap(), "\"x\"");
        assert_eq!(at("f").unwrap().unwrap(), "\"y\"");
        for names in ["a.b.d", "a.c", "a.b.c.d", "b.c", "e.b", "e.0.b", "f.b", "x", "x.y.z", "A.b.c"] {
            assert_eq!(at(names).unwrap(), None, "{names}");
        }
        assert_eq!(at("g.b").unwrap_err(), ObjectError::Contradiction { member: "b".into() });
    }

    #[test]
    fn members_are_left_out_at_every_depth_and_where_a_path_leads() {
        let text = r#"{"a":{"t":"T","s":["T",{"t":"x","u":"T"}],"b":{"t":"y","k":1}},"t":"z","c":{"b":"kept"}}"#;
        let object = Object::read(text).unwrap();
        let path = ["a".to_owned(), "b".to_owned(), "k".to_owned()];
        let omitted = Omitted { names: &["t"], at_every_depth: true, path: &path, text: Some("T") };
        assert_eq!(
            *object.without(&omitted),
            r#"{"a":{"s":["[redacted]",{"u":"[redacted]"}],"b":{}},"c":{"b":"kept"}}"#
        );
        let texts: Vec<_> = object.texts(&["t"]).iter().map(|text| text.to_string()).collect();
        assert_eq!(texts, ["T", "x", "y", "z"]);
    }

    #[test]
    fn null_counts_as_absent() {
        assert!(Object::read(r#"{"a":null}"#).unwrap().get("a").is_none());
    }

    #[test]
    fn a_repetition_counts_once_and_a_contradiction_is_rejected() {
        assert_eq!(names(r#"{"a":1,"b":2,"a":1}"#), ["a", "b"]);
        assert_eq!(names(r#"{"a":"x","\u0061":"\u0078"}"#), ["a"]);
        assert_eq!(names(r#"{"a":[1, 2],"a":[1,2]}"#), ["a"]);
        assert_eq!(names(r#"{"a":1e400,"a":1e400}"#), ["a"]);
        assert_eq!(names(r#"{"a":1,"A":2}"#), ["a", "A"]);
        for text in [
            r#"{"a":"x","a":"y"}"#,
            r#"{"a":"x","\u0061":"y"}"#,
            r#"{"a":1,"a":"1"}"#,
            r#"{"a":null,"a":"x"}"#,
            r#"{"a":"x","b":0,"a":"x","a":"y"}"#,
            r#"{"a":1e400,"a":1e401}"#,
        ] {
            assert_eq!(error_of(text), ObjectError::Contradiction { member: "a".into() }, "{text}");
        }
    }

    #[test]
    fn the_depth_is_bounded() {
        let nested = |levels: usize| format!(r#"{{"[\"{{":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(Object::read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(error_of(&nested(MAX_DEPTH + 1)), ObjectError::TooDeep);
        assert_eq!(error_of(&nested(5_000_000)), ObjectError::TooDeep);
    }

    #[test]
    fn any_number_of_brackets_is_read_without_recursion() {
        const MANY: usize = 10_000_000;
        assert_eq!(error_of(&"[".repeat(MANY)), ObjectError::NotAnObject);
        for text in ["{".repeat(MANY), format!("{{\"a\":{}", "[".repeat(MANY)), "{\"a\":".repeat(MANY / 5)] {
            assert!(matches!(error_of(&text), ObjectError::NotJson { line: 1, .. }));
        }
    }

    #[test]
    fn the_number_of_members_is_bounded() {
        let many = |count: usize| (0..count).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",");
        assert_eq!(names(&format!("{{{}}}", many(MAX_MEMBERS))).len(), MAX_MEMBERS);
        assert_eq!(error_of(&format!("{{{}}}", many(MAX_MEMBERS + 1))), ObjectError::TooManyMembers);
        assert_eq!(error_of(&format!("{{{}}}", many(150_000))), ObjectError::TooManyMembers);
        assert!(matches!(error_of(&format!("{{{}", many(150_000))), ObjectError::NotJson { .. }));
    }

    #[test]
    fn a_text_that_is_not_one_object_is_rejected() {
        for text in ["[]", "[{}]", "\"{}\"", "1", "true", "null"] {
            assert_eq!(error_of(text), ObjectError::NotAnObject, "{text}");
        }
        for text in [
            "",
            "{",
            "{}x",
            "{} {}",
            "{}\0",
            r#"{"a":1,}"#,
            "{a:1}",
            "{1:1}",
            r#"{"a":'x'}"#,
            "{\"a\":\"\t\"}",
            r#"{"a":NaN}"#,
            r#"{"a":01}"#,
            r#"{"a":"\x"}"#,
            "{\"a\":\"b\0\"}",
            "\u{feff}{}",
        ] {
            assert!(matches!(error_of(text), ObjectError::NotJson { .. }), "{text:?}");
        }
        assert_eq!(error_of("{\"a\":1,\n\"b\"}"), ObjectError::NotJson { line: 2, column: 4 });
    }
}
