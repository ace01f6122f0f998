//! Options that take one of a few words: each is an enum, and each word is written once.
//!
//! The table of options shows the words of the enum, so that no word can be documented and not understood. A `match` on
//! such an enum must name every variant: then a new word does not compile until each place handles it.

/// Defines an enum and its words. `NAME, default VARIANT { … }` also says which word holds if none is set.
macro_rules! words {
    ($(#[$attribute:meta])* $name:ident, default $default:ident { $($words:tt)* }) => {
        $crate::words::words! { $(#[$attribute])* $name { $($words)* } }

        impl $name {
            pub(crate) const DEFAULT: Self = Self::$default;
        }

        impl Default for $name {
            fn default() -> Self {
                Self::DEFAULT
            }
        }
    };
    ($(#[$attribute:meta])* $name:ident {
        $(#[$first_doc:meta])* $first:ident = $first_word:literal
        $(, $(#[$doc:meta])* $variant:ident = $word:literal)* $(,)?
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(#[$first_doc])*
            $first,
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            pub(crate) const WORDS: &'static [(&'static str, Self)] =
                &[($first_word, Self::$first) $(, ($word, Self::$variant))*];
            /// The words as an option's help shows them.
            pub(crate) const ALLOWED: &'static str = concat!($first_word $(, " | ", $word)*);

            pub(crate) const fn word(self) -> &'static str {
                match self {
                    Self::$first => $first_word,
                    $(Self::$variant => $word,)*
                }
            }

            /// Parses one of the words. Returns what is wrong with another text.
            pub(crate) fn from_word(text: &str) -> Result<Self, String> {
                $crate::words::one_of(text, Self::WORDS.iter().copied())
            }
        }
    };
}
pub(crate) use words;

use crate::redact::truncate;

/// How much of a name or value an error shows, in characters.
pub(crate) const SHOWN: usize = 80;

/// Returns what `text` stands for. The error names the closest word.
pub(crate) fn one_of<T>(text: &str, words: impl Iterator<Item = (&'static str, T)> + Clone) -> Result<T, String> {
    if let Some((_, meaning)) = words.clone().find(|(word, _)| *word == text) {
        return Ok(meaning);
    }
    let meant = closest(text, words.map(|(word, _)| word));
    let meant = meant.map(|word| format!(", did you mean {word}?")).unwrap_or_default();
    Err(format!("unknown value \"{}\"{meant}", truncate(text, SHOWN)))
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

#[cfg(test)]
mod tests {
    words!(Color, default Red { Red = "red", DarkBlue = "dark-blue" });

    #[test]
    fn each_word_stands_for_its_variant() {
        assert_eq!(Color::from_word("dark-blue"), Ok(Color::DarkBlue));
        for (word, color) in Color::WORDS {
            assert_eq!((color.word(), Color::from_word(word)), (*word, Ok(*color)));
        }
        assert_eq!(Color::ALLOWED, "red | dark-blue");
        assert_eq!((Color::DEFAULT, Color::default()), (Color::Red, Color::Red));
    }

    #[test]
    fn another_text_is_rejected_with_the_closest_word() {
        assert_eq!(Color::from_word("Dark_Blue").unwrap_err(), "unknown value \"Dark_Blue\", did you mean dark-blue?");
        assert_eq!(Color::from_word("green").unwrap_err(), "unknown value \"green\"");
    }
}
