//! README.md tells the truth: its tables and examples are made from the code, its commands and settings are tried, and
//! what it names exists. `make readme` rewrites what is made; the words around it are written by hand.
//!
//! A block of code says by its first line how it is held; there is no other kind of block.
//!
//!   c from FILE, rust from FILE   a copy of what other tests compile and run
//!   sh                            see `try_command` and `try_example`
//!   options                       a source can be made with them
//!   toml                          the dependency's name
//!   text demo                     lines of what the demo prints, numbers and tokens aside
//!   text layout                   every path exists, and every file of src has its place
//!   text picture                  is not
#![cfg(target_os = "linux")]

mod release;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};
use tokensource::{Config, TokenSource, options};
use tokensource_testserver::{Dialect, Server, ServerOptions};

const README: &str = "README.md";
const PAGES: [&str; 5] = [README, "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "tests/support/README.md"];

static TARGET: LazyLock<PathBuf> = LazyLock::new(|| release::make("build"));

/// What a caller does about each status of the header. What it means is said there.
const WHAT_TO_DO: [(&str, &str); 12] = [
    ("OK", "Use the token."),
    (
        "INVALID_ARGUMENT",
        "Correct the program or the setting: the message names the option, what is allowed and the nearest name.",
    ),
    (
        "INVALID_CONFIG",
        "Correct the settings: the message lists all that is wrong. A file that went bad is looked at again.",
    ),
    ("NETWORK", "Go on asking: it may pass, and the source keeps the pace. If it stays, look at DNS, proxy, firewall."),
    ("TLS", "Tell whoever runs this: a CA that is not known here, a name or date that is wrong, an old server."),
    ("TIMEOUT", "Go on asking, it may pass. If it stays, look at the server, or allow more in `timeout`."),
    ("HTTP", "Look at the HTTP status: 5xx and 429 may pass; at 404 or a redirect correct `token_url`."),
    (
        "OAUTH",
        "Look at the server's code: `invalid_client` is a wrong id or secret, `invalid_scope` a scope not granted.",
    ),
    ("BAD_RESPONSE", "Check that `token_url` is the token endpoint; then ask whoever runs the server."),
    ("INTERNAL", "Report the message. If no thread could be started, the process is at a limit of its own."),
    ("PENDING", "Ask again a little later."),
    ("CLOSED", "Stop: the program itself closed the source."),
];

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of a table.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| cell.to_string()).collect();
    let rows = rows.map(|cells| row(&cells)).collect::<String>();
    format!("{}|{}\n{rows}", row(&head), "---|".repeat(head.len()))
}

fn plain(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('*', "\\*")
}

fn option_table() -> String {
    let rows = options().iter().map(|option| {
        let (meaning, rest) = option.help().split_once(" Allowed: ").unwrap();
        let end = rest.rsplit_once(". Default: ").map(|(allowed, default)| (allowed, format!("`{default}")));
        let (allowed, default) =
            end.or_else(|| rest.rsplit_once(". Unset: ").map(|(allowed, unset)| (allowed, unset.to_owned()))).unwrap();
        let default = default.strip_suffix('.').unwrap();
        let default = if default.starts_with('`') { format!("{default}`") } else { plain(default) };
        vec![format!("`{}`", option.name()), plain(meaning), plain(allowed), default]
    });
    table(&["option", "meaning", "allowed", "default, or what it means if unset"], rows)
}

fn error_table() -> String {
    let header = read("include/tokensource.h");
    let mut comment = String::new();
    let mut rows = Vec::new();
    for line in header.lines() {
        if line == "/**" {
            comment.clear();
        } else if let Some(text) = line.strip_prefix(" * ") {
            comment = format!("{comment} {text}");
        }
        let Some((name, number)) = line.strip_prefix("#define TKS_").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        if name.starts_with("STAT_") || name == "ABI_VERSION" {
            continue;
        }
        let (_, advice) =
            WHAT_TO_DO.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("TKS_{name}: what to do?"));
        rows.push(vec![number.to_owned(), format!("`TKS_{name}`"), plain(comment.trim()), advice.to_string()]);
    }
    assert_eq!(rows.len(), WHAT_TO_DO.len());
    table(&["", "status", "meaning", "what to do"], rows.into_iter())
}

/// The first example in a file's documentation, without the lines that rustdoc hides.
fn rust_example(path: &str) -> String {
    let source = read(path);
    let comment = source.lines().filter_map(|line| line.strip_prefix("//!"));
    let comment = comment.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let code = comment.skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| !line.starts_with("```"));
    code.filter(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect()
}

/// The page with everything that is made made anew.
fn made(page: &str) -> String {
    let mut made = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        made += &format!("{line}\n");
        let (text, end) = match line {
            "<!-- options -->" => (format!("\n{}\n", option_table()), "<!-- /options -->"),
            "<!-- errors -->" => (format!("\n{}\n", error_table()), "<!-- /errors -->"),
            _ => match line.strip_prefix("```").and_then(|info| info.split_once(" from ")) {
                Some(("rust", path)) => (rust_example(path), "```"),
                Some((_, path)) => (read(path), "```"),
                None => continue,
            },
        };
        assert!(lines.any(|line| line == end), "{line} has no end");
        made += &format!("{text}{end}\n");
    }
    made
}

#[test]
fn what_is_made_from_the_code_is_current() {
    let page = read(README);
    let made = made(&page);
    if env::var_os("TKS_WRITE_README").is_some() {
        fs::write(README, &made).unwrap();
    }
    assert!(read(README) == made, "{README} is stale: run `make readme` and commit it");
    for part in ["<!-- options -->", "<!-- errors -->", "```c from ", "```rust from "] {
        assert!(page.contains(part), "{part}");
    }
}

/// The blocks of code, each with the words behind its opening fence.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let body = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            blocks.push((info.to_owned(), body));
        }
    }
    blocks
}

#[test]
fn every_block_is_held() {
    for (info, body) in PAGES.into_iter().flat_map(|page| blocks(&read(page))) {
        match info.split(' ').collect::<Vec<_>>()[..] {
            ["c" | "js" | "python" | "rust", "from", _] | ["text", "demo" | "layout" | "picture"] => {}
            ["sh"] if body.contains("PODERO_TOKEN_URL=") => try_example(&body),
            ["sh"] => body.lines().for_each(try_command),
            ["options"] => try_options(&body),
            ["toml"] => {
                let dependency = concat!(env!("CARGO_PKG_NAME"), " = { path = ");
                assert!(
                    body.starts_with(&format!("[dependencies]\n{dependency}")) && body.lines().count() == 2,
                    "{body}"
                );
            }
            _ => panic!("a block of code that nothing holds: {info:?}"),
        }
    }
}

fn is_goal(name: &str) -> bool {
    read("Makefile").contains(&format!("\n{name}:"))
}

/// `cc` is run. Of `make` the goal is looked up, of the two programs the options: other tests run them.
fn try_command(line: &str) {
    let words: Vec<&str> = line.split(" | ").next().unwrap().split(' ').collect();
    match words[..] {
        ["make", goal] => assert!(is_goal(goal), "{line}"),
        ["cc", ..] => {
            let target = TARGET.to_str().unwrap();
            let line = line.replace("$PWD/target/", "target/").replace("target/", &format!("{target}/"));
            assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
            let answer = Command::new(TARGET.join("get")).env_clear().output().unwrap();
            let said = String::from_utf8_lossy(&answer.stderr);
            assert!(said.contains("client_id is not set"), "{line}: {said}");
        }
        ["target/release/tokensource", subcommand, ref arguments @ ..] => {
            let source = read("bindings/c/tokensource.c");
            assert!(source.contains(&format!("\"{subcommand}\"")), "{line}");
            for argument in arguments {
                match argument.split_once('=') {
                    Some((name, value)) => drop(Config::new().set(name, value).unwrap()),
                    None => assert!(source.contains(&format!("\"{argument}\"")), "{line}"),
                }
            }
        }
        ["cargo", "run", "--package", package, "--", ref flags @ ..] => {
            assert!(read("tests/support/Cargo.toml").contains(&format!("name = \"{package}\"")), "{line}");
            let help = read("tests/support/src/main.rs");
            for flag in flags.iter().filter(|word| word.starts_with("--")) {
                assert!(help.contains(&format!("\n  {flag} ")), "{line}");
            }
        }
        _ => panic!("a command that nothing tries: {line}"),
    }
}

/// Runs the example, which `cc` has made, with a server as the block before it starts one.
fn try_example(block: &str) {
    let server = Server::start(ServerOptions { dialect: Dialect::Podero, ..ServerOptions::default() });
    let port = server.url().replace("http://127.0.0.1:", "");
    let port = port.split('/').next().unwrap();
    let block = block.replace("8899", port).replace("target/", &format!("{}/", TARGET.display()));
    let answer = Command::new("sh").args(["-c", &block]).output().unwrap();
    assert!(answer.stdout.starts_with(b"Authorization: Bearer "), "{block}: {answer:?}");
}

fn try_options(block: &str) {
    let mut config = Config::new();
    config.set("client_id", "a client").unwrap().set("client_secret", "horse-battery").unwrap();
    for line in block.lines() {
        let (name, value) = line.split_once('=').expect(line);
        config.set(name, value).unwrap();
    }
    TokenSource::new(&config).unwrap();
}

/// What is in backquotes and not in a block.
fn code_spans(page: &str) -> Vec<String> {
    let mut block = false;
    let lines = page.lines().filter(|line| {
        let fence = line.starts_with("```");
        block ^= fence;
        !block && !fence
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_setting_and_name_in_the_text_is_known() {
    let header = read("include/tokensource.h");
    for page in PAGES {
        for span in code_spans(&read(page)) {
            if let Some((name, value)) =
                span.split_once('=').filter(|(name, _)| options().iter().any(|o| o.name() == *name))
            {
                Config::new().set(name, value).unwrap();
            }
            if let Some(goal) = span.strip_prefix("make ") {
                assert!(is_goal(goal), "{page}: {span}");
            }
            for name in span.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                let function = name.starts_with("tks_") && !header.contains(&format!("{name}("));
                let status = name.starts_with("TKS_")
                    && !header.contains(&format!("#define {name} "))
                    && !name.starts_with("TKS_WRITE_");
                assert!(!function && !status, "{page}: {name}");
            }
        }
    }
    let page = read(README);
    assert!(
        page.contains(concat!("Rust (", env!("CARGO_PKG_RUST_VERSION"), " or newer")),
        "the oldest Rust that will do"
    );
    let (_, abi) = header.split_once("#define TKS_ABI_VERSION ").unwrap();
    assert!(page.contains(&format!("`libtokensource.so.{}`", abi.lines().next().unwrap())), "the number of the ABI");
}

#[test]
fn every_message_under_troubleshooting_is_one_of_ours() {
    let mut sources = String::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                // A text that goes on in the next line of the source.
                let source = read(&path);
                let mut parts = source.split("\\\n");
                sources += parts.next().unwrap();
                parts.for_each(|part| sources += part.trim_start());
            }
        }
    }
    let page = read(README);
    let (_, section) = page.split_once("\n## Troubleshooting\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let messages: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).collect();
    assert!(messages.len() > 10);
    for (message, _) in messages {
        assert!(sources.contains(message), "no error says: {message}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for page in PAGES {
        let text = read(page);
        let folder = Path::new(page).parent().unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() { page.into() } else { folder.join(path) };
            assert!(target.exists(), "{page}: {link}");
            if let Some(anchor) = anchor {
                let target = read(target);
                let headings = target.lines().filter_map(|line| line.strip_prefix("## "));
                let mut anchors = headings.map(|heading| heading.to_lowercase().replace(' ', "-"));
                assert!(anchors.any(|known| known == anchor), "{page}: {link}");
            }
        }
    }
}

#[test]
fn the_layout_is_the_trees() {
    let page = read(README);
    let (_, layout) = blocks(&page).into_iter().find(|(info, _)| info == "text layout").unwrap();
    let mut named = BTreeSet::new();
    for line in layout.lines() {
        let (paths, _) = line.split_once("  ").unwrap_or_else(|| panic!("{line}: what is it?"));
        let mut folder = Path::new("");
        for path in paths.split(' ') {
            let path = folder.join(path);
            assert!(path.exists(), "{}", path.display());
            if named.is_empty() || folder == Path::new("") {
                folder = Path::new(line.split(' ').next().unwrap()).parent().unwrap();
            }
            named.insert(path);
        }
    }
    for entry in fs::read_dir("src").unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        assert!(named.contains(&entry), "{} has no place in {README}", entry.display());
    }
}

/// A line of the demo without what differs from run to run.
fn settled(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        if word.ends_with("...") {
            return "...".to_owned();
        }
        let mut settled = word.replace(|c: char| c.is_ascii_digit(), "0");
        while settled.contains("00") {
            settled = settled.replace("00", "0");
        }
        settled
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_demo_prints_what_is_shown_of_it() {
    let mut demo = Command::new("bindings/c/demo.sh");
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("PODERO_") || name.starts_with("GARDIN_")) {
        demo.env_remove(name);
    }
    let output = demo.arg(&*TARGET).env("CARGO_TERM_QUIET", "true").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut printed_lines = printed.lines().map(settled);
    let (_, shown) = blocks(&read(README)).into_iter().find(|(info, _)| info == "text demo").unwrap();
    for line in shown.lines() {
        assert!(printed_lines.any(|printed| printed == settled(line)), "{line}\nis not in this order in\n{printed}");
    }
}
