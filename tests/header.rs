//! `include/tokensource.h` is made from `src/ffi`.

use std::{env, fs};

/// The sections of the header, in its order.
const SECTIONS: [&str; 5] = ["config", "source", "token", "error", "library"];

fn source(file: &str) -> String {
    let path = format!("src/ffi/{file}.rs");
    fs::read_to_string(&path).expect(&path)
}

/// The text that opens a file.
fn opening(file: &str) -> Vec<String> {
    let source = source(file);
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()).collect()
}

/// Text as a comment of C: code blocks set in, what Markdown needs left out.
fn comment(lines: &[String]) -> String {
    let mut text = String::from("/*\n");
    let mut code = false;
    for line in lines {
        if line.starts_with("```") {
            code = !code;
            continue;
        }
        let indent = if code && !line.is_empty() { "    " } else { "" };
        let line = line.replace('`', "");
        text += format!(" * {indent}{line}").trim_end();
        text.push('\n');
    }
    text + " */\n"
}

fn make_header() -> String {
    let config = cbindgen::Config::from_file("cbindgen.toml").unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config).with_header(comment(&opening("mod")).trim_end());
    for file in SECTIONS {
        builder = builder.with_src(format!("src/ffi/{file}.rs"));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    String::from_utf8(made).unwrap()
}

#[test]
fn the_header_is_what_the_source_makes_of_it() {
    let path = "include/tokensource.h";
    let made = make_header();
    if env::var_os("TKS_WRITE_HEADER").is_some() {
        fs::write(path, &made).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "{path} is stale: run `make header` and commit it");
}
