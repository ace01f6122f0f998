//! The pages tell the truth: README.md and every other one. Tables and examples are made from the code, commands and
//! settings are tried, and what is named exists. `make readme` rewrites what is made; the words around it are written by
//! hand.
//!
//! A block of code says by its first line how it is held; there is no other kind of block. A FILE is named from the page's
//! folder.
//!
//!   LANGUAGE from FILE, LANGUAGE part of FILE   a copy of what other tests compile and run, or some lines of it
//!   python run by FILE                          that test runs it
//!   sh                                          see `try_command` and `try_examples`
//!   options                                     a source can be made with them
//!   json script                                 the token server of the tests understands it
//!   text demo                                   lines of what the demo prints, numbers and tokens aside
//!   text layout                                 every path exists, and every file of src has its place
//!   text picture                                is not
#![cfg(target_os = "linux")]

mod common;

use common::build;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex},
};
use tokensource::{Config, TokenSource, options};
use tokensource_testserver::{Dialect, Script, Server, ServerOptions};

const README: &str = "README.md";

/// Pages that also travel in a package, and what of the repository travels with them.
const PACKED: [(&str, &[&str]); 2] = [("bindings/node/README.md", &["examples/"]), ("bindings/python/README.md", &[])];

static TARGET: LazyLock<PathBuf> = LazyLock::new(|| build::make("build"));

/// What a caller does about each status of the header. What it means is said there.
const WHAT_TO_DO: [(&str, &str); 12] = [
    ("OK", "Use the token."),
    (
        "INVALID_ARGUMENT",
        "Correct the program or the setting: the message names the option, and what is allowed or was meant.",
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

/// Every page of the repository. Not those of the crates that lie in the source tarball.
static PAGES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut pages = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(".").join(&folder)).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if !name.starts_with('.') && !["target", "node_modules", "vendor"].contains(&&*name) {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                pages.push(path.into_os_string().into_string().unwrap());
            }
        }
    }
    pages.sort();
    pages
});

/// A file that a page names.
fn beside(page: &str, file: &str) -> PathBuf {
    Path::new(page).parent().unwrap().join(file)
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
        if ["STAT_", "ABI_", "VERSION"].iter().any(|prefix| name.starts_with(prefix)) {
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
fn rust_example(path: &Path) -> String {
    let source = read(path);
    let comment = source.lines().filter_map(|line| line.strip_prefix("//!"));
    let comment = comment.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let code = comment.skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| !line.starts_with("```"));
    code.filter(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect()
}

/// The page with everything that is made made anew.
fn made(page: &str) -> String {
    let mut made = String::new();
    let text = read(page);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        made += &format!("{line}\n");
        let (text, end) = match line {
            "<!-- options -->" => (format!("\n{}\n", option_table()), "<!-- /options -->"),
            "<!-- errors -->" => (format!("\n{}\n", error_table()), "<!-- /errors -->"),
            _ => match line.strip_prefix("```").and_then(|info| info.split_once(" from ")) {
                Some(("rust", file)) => (rust_example(&beside(page, file)), "```"),
                Some((_, file)) => (read(beside(page, file)), "```"),
                None => continue,
            },
        };
        assert!(lines.any(|line| line == end), "{page}: {line} has no end");
        made += &format!("{text}{end}\n");
    }
    made
}

#[test]
fn what_is_made_from_the_code_is_current() {
    for page in &*PAGES {
        let made = made(page);
        if env::var_os("TKS_WRITE_README").is_some() {
            fs::write(page, &made).unwrap();
        }
        assert!(read(page) == made, "{page} is stale: run `make readme` and commit it");
    }
    let front = read(README);
    for part in ["<!-- options -->", "<!-- errors -->", "```c ", "```js ", "```python ", "```rust "] {
        assert!(front.contains(part), "{part}");
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

/// Whether the lines stand in the file like this, however far to the right.
fn is_part_of(part: &str, file: &str) -> bool {
    let (part, file): (Vec<_>, Vec<_>) = (part.lines().collect(), file.lines().collect());
    file.windows(part.len()).any(|lines| {
        let indent = &lines[0][..lines[0].len() - lines[0].trim_start().len()];
        lines.iter().zip(&part).all(|(line, shown)| line.strip_prefix(indent).unwrap_or(line) == *shown)
    })
}

#[test]
fn every_block_is_held() {
    for page in &*PAGES {
        for (info, body) in blocks(&read(page)) {
            match info.split(' ').collect::<Vec<_>>()[..] {
                [_, "from", _] | ["text", "demo" | "layout" | "picture"] => {}
                [_, "part", "of", file] => {
                    assert!(is_part_of(&body, &read(beside(page, file))), "{page}: {file} has no such lines:\n{body}");
                }
                ["python", "run", "by", file] => {
                    assert!(read(beside(page, file)).contains("README.md"), "{page}: {file} does not run it");
                }
                ["sh"] if body.contains("PODERO_TOKEN_URL=") => try_examples(&body),
                ["sh"] => body.lines().for_each(try_command),
                ["options"] => try_options(&body),
                ["json", "script"] => drop(Script::parse(&body).unwrap()),
                _ => panic!("{page}: a block of code that nothing holds: {info:?}"),
            }
        }
        // Four spaces make a block too, one that says nothing of itself.
        let indented = prose(&read(page)).lines().find(|line| line.starts_with("    ")).map(str::to_owned);
        assert_eq!(indented, None, "{page}");
    }
}

fn is_goal(name: &str) -> bool {
    let makefile = read("Makefile");
    let mut rules =
        makefile.lines().filter(|line| !line.starts_with(['\t', '#'])).filter_map(|line| line.split_once(':'));
    rules.any(|(goals, _)| goals.split(' ').any(|goal| goal == name))
}

/// `cc` is run. Of `make` the goal is looked up, of what is installed who makes it, of the programs the options: other
/// tests run them.
fn try_command(line: &str) {
    let words: Vec<&str> = line.split(" | ").next().unwrap().split(' ').collect();
    match words[..] {
        ["make"] => assert!(read("Makefile").contains("\n.DEFAULT_GOAL := "), "{line}"),
        ["make", goal] | ["sudo", "make", goal] => assert!(is_goal(goal), "{line}"),
        ["cc" | "c++", ..] => {
            assert!(shell(line).status().unwrap().success(), "{line}");
            let answer = Command::new(TARGET.join("get")).env_clear().output().unwrap();
            let said = String::from_utf8_lossy(&answer.stderr);
            assert!(said.contains("client_id is not set"), "{line}: {said}");
        }
        ["target/release/tokensource", subcommand, ref arguments @ ..] => {
            try_arguments(line, subcommand, arguments, "cli/tokensource.c");
        }
        ["python", "-m", "tokensource", subcommand, ref arguments @ ..] => {
            try_arguments(line, subcommand, arguments, "bindings/python/src/tokensource/__main__.py");
        }
        ["pip" | "npm", "install", ref arguments @ ..] => {
            for file in arguments.iter().filter(|argument| !argument.starts_with("--")) {
                let goal = file.split('/').nth(1).unwrap();
                let makes = format!("{goal} $(TARGET)/{goal},");
                let mut help = read("Makefile").lines().map(normal).collect::<Vec<_>>().into_iter();
                assert!(help.any(|line| line.contains(&makes)), "{line}: who makes {file}?");
            }
        }
        ["cargo", "run", "--package", package, "--", ref flags @ ..] => {
            assert!(read("testserver/Cargo.toml").contains(&format!("name = \"{package}\"")), "{line}");
            let help = read("testserver/src/main.rs");
            for flag in flags.iter().filter(|word| word.starts_with("--")) {
                assert!(help.contains(&format!("\n  {flag} ")), "{line}");
            }
        }
        _ => panic!("a command that nothing tries: {line}"),
    }
}

/// With one space between two words.
fn normal(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn try_arguments(line: &str, subcommand: &str, arguments: &[&str], program: &str) {
    let source = read(program);
    for word in [&[subcommand], arguments].concat() {
        match word.split_once('=') {
            Some((name, value)) => drop(Config::new().set(name, value).unwrap()),
            None => assert!(source.contains(&format!("\"{word}\"")), "{line}"),
        }
    }
}

/// A shell for the commands, with the place where this test has built. It splits no variable, for there may be a space in it.
fn shell(commands: &str) -> Command {
    let commands = commands.replace("$PWD/target/", "target/").replace("target/", "$TARGET/");
    let mut sh = Command::new("sh");
    sh.args(["-ec", &format!("IFS=\n{commands}")]).env("TARGET", &*TARGET);
    sh
}

/// Held by whoever has the Node package installed: the demo puts it where the README does.
static NODE: Mutex<()> = Mutex::new(());

/// Runs the examples, which `cc` and an installation have made, with a server as the block before it starts one.
fn try_examples(block: &str) {
    let server = Server::start(ServerOptions { dialect: Dialect::Podero, ..ServerOptions::default() });
    let mut sh = shell(&block.replace("8899", &server.port().to_string()));
    let _node = NODE.lock();
    let output = sh.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let (printed, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{block}{said}");
    let expected = block.lines().filter(|line| !line.starts_with("export ")).count();
    assert!(printed.lines().count() == expected && expected > 0, "{block}{printed}");
    assert!(printed.lines().all(|line| line.starts_with("Authorization: Bearer ")), "{block}{printed}");
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

/// The page without its blocks of code.
fn prose(page: &str) -> String {
    let mut block = false;
    let lines = page.lines().filter(|line| {
        let fence = line.starts_with("```");
        block ^= fence;
        !block && !fence
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// What is in backquotes and not in a block.
fn code_spans(page: &str) -> Vec<String> {
    prose(page).split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_setting_and_name_in_the_text_is_known() {
    let header = read("include/tokensource.h");
    for page in &*PAGES {
        for span in code_spans(&read(page)) {
            if let Some((name, value)) =
                span.split_once('=').filter(|(name, _)| options().iter().any(|o| o.name() == *name))
            {
                // In Python the text is in quotes, and true is True.
                Config::new().set(name, &*value.trim_matches('"').replace("True", "true")).unwrap();
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

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> Vec<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept =
            heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
        kept.replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// The links of a page that lead nowhere in the repository, or out of the package that the page is read in.
fn broken_links(page: &str, text: &str) -> Vec<String> {
    let prose = prose(text).split('`').step_by(2).collect::<String>();
    let links = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    let leads = |link: &str| {
        let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
        let packed = PACKED.iter().find(|(packed, _)| *packed == page);
        let travels = packed.is_none_or(|(_, with)| path.is_empty() || with.iter().any(|with| path.starts_with(with)));
        let target = if path.is_empty() { page.into() } else { beside(page, path) };
        let found = || anchor.is_none_or(|anchor| anchors(&read(&target)).iter().any(|known| known == anchor));
        travels && target.exists() && found()
    };
    links.filter(|link| !link.starts_with("https://") && !leads(link)).map(str::to_owned).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for page in &*PAGES {
        assert_eq!(broken_links(page, &read(page)), [""; 0], "{page}");
    }
    let planted = "[a](README.md#errors) [b](READYOU.md) [c](#no-such-heading) [`d`](src/lib.rs) `[e](f)`";
    assert_eq!(broken_links(README, planted), ["READYOU.md", "#no-such-heading"]);
    assert_eq!(broken_links("bindings/node/README.md", "[a](examples/fetch.mjs) [b](index.js)"), ["index.js"]);
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
    let _node = NODE.lock();
    let output = demo.arg(&*TARGET).env("CARGO_TERM_QUIET", "true").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut printed_lines = printed.lines().map(settled);
    let (_, shown) = blocks(&read(README)).into_iter().find(|(info, _)| info == "text demo").unwrap();
    for line in shown.lines() {
        assert!(printed_lines.any(|printed| printed == settled(line)), "{line}\nis not in this order in\n{printed}");
    }
}
