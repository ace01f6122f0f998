//! The English of public text: which words and shapes CONTRIBUTING bans, and where public text is.
//!
//! It holds what can be checked without a false alarm, and does not replace a reader. It must not read private comments:
//! those are for review.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Phrases that must not be in public text, each with what to write instead.
const BANNED: &[(&str, &str)] = &[
    ("anew", "again"),
    ("behind its back", "without it"),
    ("beside", "next to, in addition to, in the background"),
    ("for want of", "because there is no"),
    ("hand out", "return"),
    ("handed out", "returned"),
    ("hands out", "returns"),
    ("in earnest", "leave it out"),
    ("is no good", "is not usable"),
    ("is no use", "is not usable"),
    ("is to be had", "is available"),
    ("lest", "so that ... not"),
    ("manners", "conventions"),
    ("may not", "must not, or might not"),
    ("of one's own", "custom"),
    ("of others", "third-party"),
    ("token good", "token valid"),
    ("good token", "valid token"),
    ("always good", "always valid"),
    ("still good", "still valid"),
    ("whoever", "a noun"),
    ("whom", "a noun"),
];

/// What must not open a sentence: the subject is a noun.
const OPENINGS: &[&str] = &["Who", "Those", "One that", "One who", "He who", "Whatever"];

/// A sentence of a page has at most this many words. The rule is 25: the rest is for code and names.
const LONGEST: usize = 30;

/// A piece of public text and where it is.
pub struct Passage {
    pub place: String,
    pub text: String,
    /// Written in sentences, of which the length is checked too.
    pub is_page: bool,
}

/// Returns what is wrong with a passage, in a line for each fault.
pub fn faults(passage: &Passage) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String, sentence: &str| faults.push(format!("{}: {what}: {sentence}", passage.place));
    for sentence in sentences(&passage.text) {
        let words = words(&sentence);
        let joined = format!(" {} ", words.join(" ").to_lowercase());
        for (phrase, instead) in BANNED {
            if joined.contains(&format!(" {phrase} ")) {
                fault(format!("\"{phrase}\", say: {instead}"), &sentence);
            }
        }
        for opening in OPENINGS {
            let opens = joined.starts_with(&format!(" {} ", opening.to_lowercase()));
            if opens && !sentence.ends_with('?') {
                fault(format!("opens with \"{opening}\""), &sentence);
            }
        }
        if passage.is_page && words.len() > LONGEST {
            fault(format!("{} words in a sentence", words.len()), &sentence);
        }
        if passage.is_page && sentence.matches(": ").count() > 1 {
            fault("two colons in a sentence".to_owned(), &sentence);
        }
    }
    faults
}

/// The sentences of a text in which each paragraph, list item and cell of a table is a line.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for line in text.lines() {
        let mut sentence = String::new();
        let mut words = line.split_whitespace().peekable();
        while let Some(word) = words.next() {
            sentence = if sentence.is_empty() { word.to_owned() } else { format!("{sentence} {word}") };
            let ended = word.trim_end_matches(['"', ')', '*']).ends_with(['.', '?', '!', ';']);
            let begins = words.peek().is_none_or(|next| !next.starts_with(char::is_lowercase));
            if ended && begins || words.peek().is_none() {
                sentences.push(std::mem::take(&mut sentence));
            }
        }
    }
    sentences
}

/// The words without punctuation at their ends.
fn words(sentence: &str) -> Vec<&str> {
    let words = sentence.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    words.filter(|word| !word.is_empty()).collect()
}

/// All public text of the repository. `pages` are the paths of its pages.
pub fn public_text(pages: &[String], option_help: impl Iterator<Item = String>) -> Vec<Passage> {
    let mut passages: Vec<Passage> =
        pages.iter().map(|page| Passage { place: page.clone(), text: page_text(&read(page)), is_page: true }).collect();
    let mut add = |place: &str, text: String| passages.push(Passage { place: place.to_owned(), text, is_page: false });
    for file in ["include/tokensource.h", "bindings/c/tokensource.hpp", "bindings/node/index.d.ts"] {
        add(file, block_comments(&read(file)));
    }
    add("cli/tokensource.1", manual_text(&read("cli/tokensource.1")));
    for file in files("bindings/python/src", "py") {
        add(&file, docstrings(&read(&file)));
    }
    for file in files("src", "rs") {
        add(&file, public_docs(&read(&file)));
        if !file.contains("tests") {
            add(&file, strings(&read(&file)));
        }
    }
    for file in ["Cargo.toml", "bindings/python/pyproject.toml", "bindings/node/package.json"] {
        let text = read(file);
        let (_, description) = text.lines().find_map(|line| line.split_once("description")).expect(file);
        add(file, description.to_owned());
    }
    add("cli/tokensource.c", strings(&read("cli/tokensource.c")));
    for help in option_help {
        add("the help of an option", help);
    }
    passages
}

fn read(file: impl AsRef<Path>) -> String {
    let file = file.as_ref();
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.into_os_string().into_string().unwrap());
            }
        }
    }
    found.sort();
    found
}

/// The prose of a page: no code blocks, code spans as one word, links as their text.
fn page_text(page: &str) -> String {
    let mut text = String::new();
    let mut in_block = false;
    let mut skipped = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
            text.push('\n');
            continue;
        }
        // Made tables are held where they are made.
        skipped = line.starts_with("<!-- ") && !line.starts_with("<!-- /") || skipped && !line.starts_with("<!-- /");
        if in_block || skipped {
            continue;
        }
        let begins = ["#", "-", "|", "!", "<"].iter().any(|mark| line.starts_with(mark))
            || line.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        if line.is_empty() || begins {
            text.push('\n');
        }
        text += &without_code(line.trim_start_matches(['#', '-', ' '])).replace(" | ", "\n").replace("**", "");
        text.push(' ');
    }
    without_links(&text)
}

/// Each code span as one word.
fn without_code(line: &str) -> String {
    line.split('`').enumerate().map(|(nth, part)| if nth % 2 == 0 { part } else { "CODE" }).collect()
}

fn without_links(text: &str) -> String {
    let mut parts = text.split("](");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain += part.split_once(')').map_or(part, |(_, rest)| rest);
    }
    plain.replace('[', "")
}

/// The text of `/** */` and `///` comments, without the examples in them, which are indented.
fn block_comments(source: &str) -> String {
    let mut text = String::new();
    let mut in_comment = false;
    for line in source.lines() {
        let line = line.trim();
        in_comment |= line.starts_with("/*");
        let words = line.trim_start_matches('/').trim_start_matches('*').trim_end_matches("*/");
        if in_comment || line.starts_with("///") {
            if words.trim().is_empty() {
                text.push('\n');
            } else if !words.starts_with("    ") {
                text += &without_code(&format!("{} ", words.trim()));
            }
        } else {
            text.push('\n');
        }
        in_comment &= !line.ends_with("*/");
    }
    text
}

/// A manual without its macros.
fn manual_text(manual: &str) -> String {
    let lines = manual.lines().map(|line| if line.starts_with('.') { "\n" } else { line });
    lines.collect::<Vec<_>>().join(" ")
}

fn docstrings(source: &str) -> String {
    let texts = source.split("\"\"\"").skip(1).step_by(2);
    let lines = texts.flat_map(|text| text.lines().chain([""])).map(str::trim);
    let lines = lines.filter(|line| !line.starts_with(">>>"));
    without_code(
        &lines.map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{line} ") }).collect::<String>(),
    )
}

/// The `///` of public items, and the `//!` of the crate, which alone ends at an attribute.
fn public_docs(source: &str) -> String {
    let mut text = String::new();
    let mut comment = String::new();
    let mut in_example = false;
    for line in source.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///").or(line.strip_prefix("//!")) {
            in_example ^= doc.trim().starts_with("```");
            if !in_example && !doc.trim().starts_with("```") {
                comment += if doc.trim().is_empty() { "\n" } else { doc };
            }
        } else if !line.starts_with("#[") {
            if line.starts_with("pub ") || line.starts_with("#![deny") {
                text += &without_links(&without_code(&comment));
                text.push('\n');
            }
            comment.clear();
        }
    }
    text
}

/// The string literals of a source file, without those of the unit tests at its end: the messages are among them.
fn strings(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap().replace("\\\"", "'");
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.map(|line| line.trim_start().trim_end_matches('\\')).collect();
    code.split('"').skip(1).step_by(2).filter(|text| text.contains(' ')).collect::<Vec<_>>().join("\n")
}
