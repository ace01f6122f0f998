//! Pure: a JSON object's members as they were written, for answers that cannot be trusted.
//!
//! serde_json alone lets the last of two members with one name win in silence and refuses a whole document for one number
//! that no f64 holds. Here values stay text until somebody asks for one. Errors say where, never what: the text may hold
//! a token.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use zeroize::Zeroizing;

/// As deep as serde_json reads a value of its own: what is handed on can be read by the next parser too.
const MAX_DEPTH: usize = 127;

/// No token server sends a hundred, and a million bytes hold enough of them to take 20 MB.
const MAX_MEMBERS: usize = 1000;

/// A JSON object: each name once, in the order of their first appearance.
pub(crate) struct Object<'a>(Vec<(String, &'a RawValue)>);

/// Why a text is no usable object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ObjectError {
    NotJson { line: usize, column: usize },
    NotAnObject,
    TooDeep,
    TooManyMembers,
    Contradiction { member: String },
}

impl<'a> Object<'a> {
    /// Reads a text that is one object and nothing else. The same member with the same value twice counts as once.
    pub(crate) fn read(text: &'a str) -> Result<Self, ObjectError> {
        // Values are skipped without recursion (serde_json's `ignore_value`), so depth may be looked at afterwards.
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

    /// The member's value; `null` is as good as none.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        (value.get() != "null").then_some(*value)
    }

    /// The member's value if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<Zeroizing<String>> {
        self.get(name).and_then(text)
    }

    /// The object again without these members, the values as they were written.
    pub(crate) fn without(&self, names: &[&str]) -> Zeroizing<String> {
        let length = self.0.iter().map(|(name, value)| 6 * name.len() + value.get().len() + 4).sum::<usize>() + 2;
        let mut rest = Zeroizing::new(String::with_capacity(length));
        rest.push('{');
        for (name, value) in self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())) {
            if rest.len() > 1 {
                rest.push(',');
            }
            rest.push_str(&serde_json::Value::from(name.as_str()).to_string());
            rest.push(':');
            rest.push_str(value.get());
        }
        rest.push('}');
        rest
    }
}

/// The value if it is a string.
pub(crate) fn text(value: &RawValue) -> Option<Zeroizing<String>> {
    serde_json::from_str(value.get()).ok().map(Zeroizing::new)
}

/// How deep brackets are nested. For text that has been read as JSON.
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

/// Drops repetitions and refuses contradictions: two readers of an answer must not see two tokens in it.
fn deduplicated(members: Vec<(String, &RawValue)>) -> Result<Vec<(String, &RawValue)>, ObjectError> {
    let mut by_name: Vec<usize> = (0..members.len()).collect();
    by_name.sort_by_key(|&index| (&members[index].0, index));
    let mut repeated = vec![false; members.len()];
    for pair in by_name.windows(2) {
        let [(first, one), (second, other)] = [&members[pair[0]], &members[pair[1]]];
        if first == second {
            if !is_same_value(one, other) {
                return Err(ObjectError::Contradiction { member: first.clone() });
            }
            repeated[pair[1]] = true;
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

/// All members as they came, repetitions too; of too many, one too many.
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
                while let Some(member) = map.next_entry()? {
                    if members.len() <= MAX_MEMBERS {
                        members.push(member);
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

    fn refused(text: &str) -> ObjectError {
        Object::read(text).err().unwrap()
    }

    #[test]
    fn keeps_members_in_order_and_values_as_written() {
        let object = Object::read(" {\"b\" : 1e400 , \"a\":[ 1,{\"x\" :2}], \"c\":\"\\u0041\"} ").unwrap();
        assert_eq!(&*object.without(&[]), r#"{"b":1e400,"a":[ 1,{"x" :2}],"c":"\u0041"}"#);
        assert_eq!(&*object.without(&["b", "c", "unknown"]), r#"{"a":[ 1,{"x" :2}]}"#);
        assert_eq!(&*object.without(&["a", "b", "c"]), "{}");
        assert_eq!(object.text("c").unwrap().as_str(), "A");
        assert_eq!(object.text("b"), None);
    }

    #[test]
    fn knows_a_name_however_it_is_written() {
        let object = Object::read(r#"{"access\u005ftoken":"x","q\"\u0000":1}"#).unwrap();
        assert_eq!(object.text("access_token").unwrap().as_str(), "x");
        assert_eq!(&*object.without(&["access_token"]), r#"{"q\"\u0000":1}"#);
    }

    #[test]
    fn takes_null_for_nothing() {
        assert!(Object::read(r#"{"a":null}"#).unwrap().get("a").is_none());
    }

    #[test]
    fn counts_a_repetition_once_and_refuses_a_contradiction() {
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
            assert_eq!(refused(text), ObjectError::Contradiction { member: "a".into() }, "{text}");
        }
    }

    #[test]
    fn bounds_the_depth() {
        let nested = |levels: usize| format!(r#"{{"[\"{{":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(Object::read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(refused(&nested(MAX_DEPTH + 1)), ObjectError::TooDeep);
        assert_eq!(refused(&nested(5_000_000)), ObjectError::TooDeep);
    }

    #[test]
    fn reads_any_number_of_brackets_without_recursion() {
        const MANY: usize = 10_000_000;
        assert_eq!(refused(&"[".repeat(MANY)), ObjectError::NotAnObject);
        for text in ["{".repeat(MANY), format!("{{\"a\":{}", "[".repeat(MANY)), "{\"a\":".repeat(MANY / 5)] {
            assert!(matches!(refused(&text), ObjectError::NotJson { line: 1, .. }));
        }
    }

    #[test]
    fn bounds_the_number_of_members() {
        let many = |count: usize| (0..count).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",");
        assert_eq!(names(&format!("{{{}}}", many(MAX_MEMBERS))).len(), MAX_MEMBERS);
        assert_eq!(refused(&format!("{{{}}}", many(MAX_MEMBERS + 1))), ObjectError::TooManyMembers);
        assert_eq!(refused(&format!("{{{}}}", many(150_000))), ObjectError::TooManyMembers);
        assert!(matches!(refused(&format!("{{{}", many(150_000))), ObjectError::NotJson { .. }));
    }

    #[test]
    fn refuses_all_that_is_not_one_object() {
        for text in ["[]", "[{}]", "\"{}\"", "1", "true", "null"] {
            assert_eq!(refused(text), ObjectError::NotAnObject, "{text}");
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
            assert!(matches!(refused(text), ObjectError::NotJson { .. }), "{text:?}");
        }
        assert_eq!(refused("{\"a\":1,\n\"b\"}"), ObjectError::NotJson { line: 2, column: 4 });
    }
}
