//! The pages tell the truth: README.md and every other one. Tables and examples are made from the code, commands and
//! settings are tried, and every name and link exists. `make readme` rewrites what is made. The words between are written
//! by hand, and `readme/english.rs` checks their English.
//!
//! A block of code says in its first line how it is held; there is no other kind of block. A FILE is named from the folder
//! of the page.
//!
//!   LANGUAGE from FILE      a copy of a file that other tests compile and run; of a .rs file its first example
//!   LANGUAGE part of FILE   a copy of some lines of it
//!   python run by FILE      that test runs it
//!   sh                      see `try_command` and `try_examples`
//!   options                 a source can be made with them
//!   options file            a source can be made with it as its provider_file
//!   json script             the token server of the tests understands it
//!   text demo               lines that the demo prints, numbers and tokens aside
//!   text layout             every path exists, and every entry of src has its place
#![cfg(target_os = "linux")]

mod common;
#[path = "readme/english.rs"]
mod english;

use common::build;
use english::Passage;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex},
};
use tokensource::{Config, TokenSource, options};
use tokensource_testserver::{Authority, Identity, Leaf, Script, Server, ServerOptions};

const README: &str = "README.md";
const OPTIONS: &str = "docs/options.md";
const ERRORS: &str = "docs/errors.md";
const VERSIONS: &str = "docs/versions.md";
const BENCHMARKS: &str = "docs/benchmarks.md";
const LAYOUT: &str = "CONTRIBUTING.md";

/// The README is a front door. What it has no room for goes to docs.
const MOST_WORDS: usize = 900;

/// Pages that also travel in a package, and what of the repository travels with them.
const PACKED: [(&str, &[&str]); 2] = [("bindings/node/README.md", &["examples/"]), ("bindings/python/README.md", &[])];

static TARGET: LazyLock<PathBuf> = LazyLock::new(|| build::make("build"));

/// What a caller does about each status of the header, which says what the status means.
const WHAT_TO_DO: [(&str, &str); 12] = [
    ("OK", "Use the token."),
    ("INVALID_ARGUMENT", "Correct the program or the setting. The message names the option and the allowed values."),
    (
        "INVALID_CONFIG",
        "Correct the settings. The message lists everything that is wrong. The source reads a corrected file again.",
    ),
    ("NETWORK", "Keep calling: it is often temporary. If it stays, check DNS, proxy and firewall."),
    ("TLS", "Tell the operator. The CA is unknown here, a name or a date is wrong, or the server is old."),
    ("TIMEOUT", "Keep calling: it is often temporary. If it stays, check the server, or allow more in `timeout`."),
    ("HTTP", "Check the HTTP status. 5xx and 429 are temporary. For 404 or a redirect correct `token_url`."),
    (
        "OAUTH",
        "Check the server's code. `invalid_client` is a wrong id or secret, `invalid_scope` a scope that is not granted.",
    ),
    ("BAD_RESPONSE", "Check that `token_url` is the token endpoint. Then ask the operator of the server."),
    ("INTERNAL", "Report the message. If no thread could be started, raise the limit of the process."),
    ("PENDING", "Call again a little later."),
    ("CLOSED", "Stop. The program itself closed the source."),
];

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page of the repository, without those of the crates in the source tarball.
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

/// The path of a file that a page names.
fn relative(page: &str, file: &str) -> PathBuf {
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

/// Makes the table of benchmarks from the figures that the picture is drawn from.
fn benchmark_table() -> String {
    let figures: serde_json::Value = serde_json::from_str(&read("docs/benchmarks.json")).unwrap();
    let text = |value: &serde_json::Value| plain(value.as_str().unwrap());
    let rows = figures["tasks"].as_array().unwrap().iter().flat_map(|task| {
        task["peers"].as_array().unwrap().iter().enumerate().map(move |(nth, peer)| {
            let (title, ours) = if nth == 0 { (text(&task["task"]), text(&task["ours"])) } else { Default::default() };
            let value = format!("{}, {} times", text(&peer["value"]), peer["ratio"]);
            vec![title, ours, text(&peer["name"]), value]
        })
    });
    let rows = table(&["", "tokensource", "peer", "its cost"], rows);
    format!("{rows}\nFrom {}, on {}.\n", figures["run"].as_str().unwrap(), figures["machine"].as_str().unwrap())
}

/// The first example in a file's documentation, without the lines that rustdoc hides.
fn rust_example(path: &Path) -> String {
    let source = read(path);
    let comment = source.lines().filter_map(|line| line.strip_prefix("//!"));
    let comment = comment.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let code = comment.skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| !line.starts_with("```"));
    code.filter(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect()
}

/// The page, with everything that is made from the code made again.
fn made(page: &str) -> String {
    let mut made = String::new();
    let text = read(page);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        made += &format!("{line}\n");
        let (text, end) = match line {
            "<!-- options -->" => (format!("\n{}\n", option_table()), "<!-- /options -->"),
            "<!-- errors -->" => (format!("\n{}\n", error_table()), "<!-- /errors -->"),
            "<!-- benchmarks -->" => (format!("\n{}\n", benchmark_table()), "<!-- /benchmarks -->"),
            _ => match line.strip_prefix("```").and_then(|info| info.split_once(" from ")) {
                Some(("rust", file)) => (rust_example(&relative(page, file)), "```"),
                Some((_, file)) => (read(relative(page, file)), "```"),
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
    for (page, parts) in [
        (README, &["```c ", "```js ", "```python ", "```rust "][..]),
        (OPTIONS, &["<!-- options -->"]),
        (ERRORS, &["<!-- errors -->"]),
        (BENCHMARKS, &["<!-- benchmarks -->"]),
    ] {
        let text = read(page);
        parts.iter().for_each(|part| assert!(text.contains(part), "{page} has no {part}"));
    }
}

#[test]
fn the_picture_of_the_benchmarks_is_drawn_from_its_figures() {
    let drawn = Command::new("python3").args(["benches/plot.py", "--print"]).output().unwrap();
    assert!(drawn.status.success(), "{drawn:?}");
    let picture = String::from_utf8(drawn.stdout).unwrap();
    assert!(picture == read("docs/benchmarks.svg"), "stale: run `python3 benches/plot.py` and commit the picture");
}

#[test]
fn the_readme_is_a_front_door() {
    let page = read(README);
    let words = page.split_whitespace().count();
    assert!(words <= MOST_WORDS, "{README} has {words} words, and {MOST_WORDS} are enough: the rest belongs in docs");
    for (language, lines) in [("c", 16), ("python", 6), ("js", 6), ("rust", 6)] {
        let example = blocks(&page).into_iter().find(|(info, _)| info.split(' ').next() == Some(language));
        let (_, example) = example.unwrap_or_else(|| panic!("{README} has no example in {language}"));
        assert!(example.lines().count() <= lines, "the example in {language} is longer than {lines} lines");
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

/// Whether the file has these lines, however far to the right.
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
                [_, "from", _] | ["text", "demo" | "layout"] | ["options"] | ["options", "file"] => {}
                [_, "part", "of", file] => {
                    assert!(
                        is_part_of(&body, &read(relative(page, file))),
                        "{page}: {file} has no such lines:\n{body}"
                    );
                }
                ["python", "run", "by", file] => {
                    assert!(read(relative(page, file)).contains("README.md"), "{page}: {file} does not run it");
                }
                ["sh"] if body.contains("TOKEN_URL=") => try_examples(&body),
                ["sh"] => body.lines().for_each(try_command),
                ["json", "script"] => drop(Script::parse(&body).unwrap()),
                _ => panic!("{page}: a block of code that nothing holds: {info:?}"),
            }
        }
        // Four spaces make a block too, which does not say how it is held.
        let indented = prose(&read(page)).lines().find(|line| line.starts_with("    ")).map(str::to_owned);
        assert_eq!(indented, None, "{page}");
    }
}

#[test]
fn public_text_is_in_plain_english() {
    let help = options().iter().map(|option| option.help().to_owned());
    let passages = english::public_text(&PAGES, help);
    let faults: Vec<String> = passages.iter().flat_map(english::faults).collect();
    assert!(faults.is_empty(), "CONTRIBUTING.md has the rules:\n{}", faults.join("\n"));
}

#[test]
fn a_planted_sentence_is_found() {
    let found =
        |text: &str| english::faults(&Passage { place: "here".into(), text: text.into(), is_page: true }).join("\n");
    for (sentence, fault) in [
        ("A refresh runs beside the callers.", "beside"),
        ("The library writes nothing. Whoever asks gets a token.", "whoever"),
        ("The caller may not free it twice.", "may not"),
        ("The source keeps a token good.", "token good"),
        ("Who asks gets a token.", "opens with"),
        ("This is one: and two: and three.", "two colons"),
        (&"word ".repeat(40), "40 words"),
    ] {
        assert!(found(sentence).contains(fault), "{sentence}");
    }
    let plain = "Returns the cached token. Who runs the fetch? Nearest besides: the tests may note it, at best.";
    assert_eq!(found(plain), "");
}

fn is_goal(name: &str) -> bool {
    let makefile = read("Makefile");
    let mut rules =
        makefile.lines().filter(|line| !line.starts_with(['\t', '#'])).filter_map(|line| line.split_once(':'));
    rules.any(|(goals, _)| goals.split(' ').any(|goal| goal == name))
}

/// Runs `cc`. Of the others, which other tests run, it looks up names: the goal of `make`, what `pip` and `npm` install, the
/// options of the programs.
fn try_command(line: &str) {
    let words: Vec<&str> = line.split(" | ").next().unwrap().split(' ').collect();
    match words[..] {
        ["make"] => assert!(read("Makefile").contains("\n.DEFAULT_GOAL := "), "{line}"),
        ["make", goal] | ["sudo", "make", goal] => assert!(is_goal(goal), "{line}"),
        ["cc" | "c++", ..] => {
            assert!(shell(line).status().unwrap().success(), "{line}");
            let program = words.iter().skip_while(|word| **word != "-o").nth(1).unwrap();
            let program = TARGET.join(program.strip_prefix("target/").unwrap());
            let output = Command::new(program).env_clear().output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(stderr.contains("client_id is not set"), "{line}: {stderr}");
        }
        ["target/release/tokensource", subcommand, ref arguments @ ..] => {
            try_arguments(line, subcommand, arguments, "cli/tokensource.c");
        }
        ["python", "-m", "tokensource", subcommand, ref arguments @ ..] => {
            try_arguments(line, subcommand, arguments, "bindings/python/src/tokensource/__main__.py");
        }
        ["python3", "-m", "venv", ..] => {}
        ["python3", script, ..] => assert!(Path::new(script).is_file(), "{line}"),
        ["pip", "install", "./bindings/python"] => {
            assert!(read("tests/install/run").contains("bindings/python"), "{line}: who tries it?");
        }
        ["npm", "install", .., "./bindings/node"] => {
            assert!(read("tests/install/run").contains("bindings/node"), "{line}: who tries it?");
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

/// A shell for the commands, with the place where this test has built. It does not split variables, since the path may
/// contain a space.
fn shell(commands: &str) -> Command {
    let commands = commands.replace("$PWD/target/", "target/").replace("target/", "$TARGET/");
    let mut sh = Command::new("sh");
    sh.args(["-ec", &format!("IFS=\n{commands}")]).env("TARGET", &*TARGET);
    sh
}

/// Held while the Node package is installed: the demo installs it in the same place as the README.
static NODE: Mutex<()> = Mutex::new(());

/// Runs the examples, with a server like that of the block before. The variables stand for what a user has installed.
fn try_examples(block: &str) {
    let server = Server::start(ServerOptions::default());
    let _node = NODE.lock();
    let node = TARGET.join("node-demo");
    let mut install = Command::new("bindings/node/scripts/install");
    assert!(install.arg(&node).arg("--omit=dev").status().unwrap().success());
    let mut sh = shell(&block.replace("8899", &server.port().to_string()));
    build::without_cargo(&mut sh)
        .env("CARGO_TARGET_DIR", &*TARGET)
        .env("TOKENSOURCE_LIBRARY", TARGET.join("release/libtokensource.so"))
        .env("NODE_PATH", node.join("node_modules"))
        .env("PYTHONPATH", "bindings/python/src")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = sh.output().unwrap();
    let (printed, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{block}{stderr}");
    let expected = block.lines().filter(|line| !line.starts_with("export ")).count();
    assert!(printed.lines().count() == expected && expected > 0, "{block}{printed}");
    for (nth, line) in printed.lines().enumerate() {
        let header = line.strip_prefix("Authorization: ").unwrap_or(line);
        assert_eq!(header, format!("Bearer token-{}", nth + 1), "{block}{printed}");
    }
}

#[test]
fn the_options_that_a_page_shows_make_a_source() {
    for page in &*PAGES {
        let mut provider_file = String::new();
        for (info, body) in blocks(&read(page)) {
            match info.as_str() {
                "options" => try_options(&body, &provider_file),
                "options file" => {
                    let variables = body.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
                    let variables: BTreeSet<_> = variables.collect();
                    let set = variables.iter().map(|name| format!("variable.{name}=example.com\n")).collect::<String>();
                    try_options(&format!("provider_file=ours.conf\n{set}"), &body);
                    provider_file = body;
                }
                _ => {}
            }
        }
    }
}

/// Makes a source. `provider_file` is the last one that the page shows.
fn try_options(block: &str, provider_file: &str) {
    const CREDENTIALS: [&str; 5] =
        ["client_secret", "signing_key", "client_assertion_file", "subject_token_file", "refresh_token_file"];
    let mut options: Vec<(&str, &str)> = block.lines().map(|line| line.split_once('=').expect(line)).collect();
    let is_given =
        |prefixes: &[&str]| options.iter().any(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    let lacks_server = !is_given(&["token_url", "provider", "issuer"]);
    let (lacks_id, lacks_secret) = (!is_given(&["client_id"]) && !is_given(&CREDENTIALS[1..]), !is_given(&CREDENTIALS));
    options.extend(lacks_server.then_some(("token_url", "https://h/t")));
    options.extend(lacks_id.then_some(("client_id", "a client")));
    options.extend(lacks_secret.then_some(("client_secret", "horse-battery")));
    let mut config = Config::new();
    for (name, value) in options {
        match stand_in(name, value, provider_file) {
            Some(text) => {
                let path = format!("{}/{name}-of-a-page", env!("CARGO_TARGET_TMPDIR"));
                fs::write(&path, text).unwrap();
                config.set(name, &*path).unwrap();
            }
            None => drop(config.set(name, value).unwrap()),
        }
    }
    TokenSource::new(&config).unwrap_or_else(|error| panic!("{block}{error}"));
}

/// What stands for a file that a page names and this machine lacks.
fn stand_in(option: &str, path: &str, provider_file: &str) -> Option<String> {
    static IDENTITY: LazyLock<Identity> = LazyLock::new(|| Authority::new().issue(Leaf::GoodRsa));
    let Identity { chain, key } = &*IDENTITY;
    match option {
        "signing_key_file" if path.ends_with("service-account.json") => {
            let account = serde_json::json!({
                "type": "service_account",
                "client_email": "a-service@a-project.iam.gserviceaccount.com",
                "private_key_id": "1",
                "private_key": key,
            });
            Some(account.to_string())
        }
        "signing_key_file" | "signing_cert_file" => Some([&**key, chain].concat()),
        "client_secret_file" | "client_assertion_file" | "subject_token_file" => Some("horse-battery".to_owned()),
        "provider_file" => Some(provider_file.to_owned()),
        _ => None,
    }
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
    let rust = concat!("Rust (", env!("CARGO_PKG_RUST_VERSION"), " or newer");
    assert!(read(README).contains(rust), "the oldest Rust that will do");
    let (_, abi) = header.split_once("#define TKS_ABI_VERSION ").unwrap();
    let soname = format!("`libtokensource.so.{}`", abi.lines().next().unwrap());
    assert!(read(VERSIONS).contains(&soname), "the number of the ABI");
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
                // A string that continues in the next line of the source.
                let source = read(&path);
                let mut parts = source.split("\\\n");
                sources += parts.next().unwrap();
                parts.for_each(|part| sources += part.trim_start());
            }
        }
    }
    let page = read(ERRORS);
    let (_, section) = page.split_once("\n## Troubleshooting\n").unwrap();
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

/// The links of a page that lead nowhere in the repository, or out of the package that contains the page.
fn broken_links(page: &str, text: &str) -> Vec<String> {
    let prose = prose(text).split('`').step_by(2).collect::<String>();
    let links = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    let leads = |link: &str| {
        let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
        let packed = PACKED.iter().find(|(packed, _)| *packed == page);
        let travels = packed.is_none_or(|(_, with)| path.is_empty() || with.iter().any(|with| path.starts_with(with)));
        let target = if path.is_empty() { page.into() } else { relative(page, path) };
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
    let planted = "[a](README.md#try-it) [b](READYOU.md) [c](#no-such-heading) [`d`](src/lib.rs) `[e](f)`";
    assert_eq!(broken_links(README, planted), ["READYOU.md", "#no-such-heading"]);
    assert_eq!(broken_links("bindings/node/README.md", "[a](examples/fetch.mjs) [b](index.js)"), ["index.js"]);
}

#[test]
fn the_layout_is_the_trees() {
    let page = read(LAYOUT);
    let (_, layout) = blocks(&page).into_iter().find(|(info, _)| info == "text layout").unwrap();
    let mut named = BTreeSet::new();
    for line in layout.lines() {
        let (paths, _) = line.split_once("  ").unwrap_or_else(|| panic!("{line}: what is it?"));
        let folder = Path::new(paths).parent().unwrap();
        for (nth, path) in paths.split(' ').enumerate() {
            let path = if nth == 0 { path.into() } else { folder.join(path) };
            assert!(path.exists(), "{}", path.display());
            named.insert(path);
        }
    }
    for entry in fs::read_dir("src").unwrap().map(|entry| entry.unwrap().path()) {
        assert!(named.contains(&entry), "{} has no place in the layout of {LAYOUT}", entry.display());
    }
}

#[test]
fn the_map_in_lib_rs_names_each_file_once() {
    fn files(folder: &Path, found: &mut Vec<String>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                files(&path, found);
            } else if !path.ends_with("tests.rs") && !path.components().any(|part| part.as_os_str() == "tests") {
                found.push(path.strip_prefix("src").unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    files(Path::new("src"), &mut found);
    found.retain(|file| file != "lib.rs");
    let page = read("src/lib.rs");
    let lines = page.lines().filter_map(|line| line.strip_prefix("//   ")?.split(' ').next());
    let mut named: Vec<&str> = lines.filter(|word| word.ends_with(".rs")).collect();
    found.sort();
    named.sort_unstable();
    assert_eq!(named, found);
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
    let printed_lines = printed.lines().map(settled);
    let printed_lines: Vec<_> = printed_lines.collect();
    let mut shown =
        PAGES.iter().flat_map(|page| blocks(&read(page))).filter(|(info, _)| info == "text demo").peekable();
    assert!(shown.peek().is_some());
    for (_, block) in shown {
        let mut rest = printed_lines.iter();
        for line in block.lines() {
            assert!(rest.any(|printed| *printed == settled(line)), "{line}\nis not in this order in\n{printed}");
        }
    }
}
