//! `include/tokensource.h` is what `src/ffi` makes of it, it compiles wherever C and C++ do, and the release build exports
//! what it promises and nothing else: all that any release has promised, each of which is in `tests/abi`.
#![cfg(target_os = "linux")]

mod common;

use common::build;
use std::{
    collections::BTreeSet,
    env, fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::LazyLock,
};

const HEADER: &str = "include/tokensource.h";

/// The sections of the header, in its order: each is a file of `src/ffi`.
const SECTIONS: [&str; 5] = ["config", "source", "token", "error", "library"];

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| build::make("build").join("release/libtokensource.so"));

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a tool says of the release build.
fn ask(tool: &str, flags: &[&str]) -> String {
    let output = Command::new(tool).args(flags).arg(&*LIBRARY).output().expect(tool);
    assert!(output.status.success(), "{tool} {flags:?} failed");
    String::from_utf8(output.stdout).unwrap()
}

/// A file's `//!` text as a comment of C, with code set in.
fn opening(file: &str) -> String {
    let mut text = format!("/* {}\n", "=".repeat(100));
    let mut code = false;
    for line in read(&format!("src/ffi/{file}.rs")).lines().map_while(|line| line.strip_prefix("//!")) {
        if line.starts_with(" ```") {
            code = !code;
            continue;
        }
        text += format!(" *{}{line}", if code { "    " } else { "" }).trim_end();
        text.push('\n');
    }
    text + " */"
}

/// The functions that a file exports, each with its body, in their order.
fn functions(file: &str) -> Vec<(String, String)> {
    let source = read(&format!("src/ffi/{file}.rs"));
    let exported = source.split("#[unsafe(no_mangle)]\n").skip(1);
    let parts = exported.map(|text| {
        let (_, text) = text.split_once("extern \"C\" fn ").unwrap();
        let (name, text) = text.split_once('(').unwrap();
        let (body, _) = text.split_once("\n}\n").unwrap();
        (name.to_owned(), body.to_owned())
    });
    parts.collect()
}

fn make_header() -> String {
    let config = cbindgen::Config::from_file("cbindgen.toml").unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in SECTIONS {
        builder = builder.with_src(format!("src/ffi/{file}.rs"));
    }
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    let mut header = String::from_utf8(header).unwrap();
    for file in SECTIONS {
        let first = header.find(&format!("{}(", functions(file)[0].0)).unwrap();
        let comment = header[..first].rfind("/**").unwrap();
        header.insert_str(comment, &format!("{}\n\n", opening(file)));
    }
    // C90 knows no other comments.
    let header = header.replace("// __cplusplus", "/* __cplusplus */").replace("// extern \"C\"", "/* extern \"C\" */");
    format!("{}\n\n{}", opening("mod"), header.trim_start())
}

#[test]
fn the_header_is_what_the_source_makes_of_it() {
    let made = make_header();
    if env::var_os("TKS_WRITE_HEADER").is_some() {
        fs::write(HEADER, &made).unwrap();
    }
    assert!(read(HEADER) == made, "{HEADER} is stale: run `make header` and commit it");
}

#[test]
fn the_header_compiles_alone_as_c_and_as_cpp() {
    for (compiler, language, standard) in
        [("cc", "c", "c90"), ("cc", "c", "c99"), ("cc", "c", "c17"), ("c++", "c++", "c++98"), ("c++", "c++", "c++11")]
    {
        let mut command = Command::new(compiler);
        command.args(["-x", language, &format!("-std={standard}"), "-Iinclude", "-fsyntax-only"]);
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-"]);
        let mut process = command.stdin(Stdio::piped()).spawn().expect(compiler);
        // Twice, for the guard.
        let program = b"#include <tokensource.h>\n#include <tokensource.h>\nint main(void) { return TKS_OK; }\n";
        process.stdin.take().unwrap().write_all(program).unwrap();
        assert!(process.wait().unwrap().success(), "{HEADER} does not compile as {standard}");
    }
}

#[test]
fn the_objects_of_cpp_compile_alone() {
    for compiler in ["c++", "clang++"] {
        for more in ["-std=c++17", "-std=c++20", "-std=c++2b", "-fno-rtti"] {
            let mut command = Command::new(compiler);
            command.args(["-x", "c++", "-std=c++17", more, "-Iinclude", "-Ibindings/c", "-fsyntax-only"]);
            command.args(["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-"]);
            let mut process = command.stdin(Stdio::piped()).spawn().expect(compiler);
            let program = b"#include <tokensource.hpp>\n#include <tokensource.hpp>\nint main() { return TKS_OK; }\n";
            process.stdin.take().unwrap().write_all(program).unwrap();
            assert!(process.wait().unwrap().success(), "tokensource.hpp does not compile with {compiler} {more}");
        }
    }
}

#[test]
fn whatever_an_object_of_c_can_do_can_be_done_in_cpp() {
    let header = read("bindings/c/tokensource.hpp");
    for (name, _) in ["config", "source", "token", "error"].into_iter().flat_map(functions) {
        assert!(header.contains(&format!("{name}(")), "{name}");
    }
}

#[test]
fn each_status_has_its_name() {
    let library = read("src/ffi/library.rs");
    let header = read(HEADER);
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define TKS_")?.split_once(' '));
    let statuses: Vec<_> = defines.filter(|(name, _)| !name.starts_with("STAT_") && *name != "ABI_VERSION").collect();
    for (number, (name, value)) in statuses.iter().enumerate() {
        assert_eq!(*value, number.to_string(), "TKS_{name}");
        assert!(library.contains(&format!("error::TKS_{name} => c\"TKS_{name}\",")), "TKS_{name} has no name");
    }
    assert_eq!(statuses.len(), 12);
}

#[test]
fn the_library_exports_what_the_header_declares() {
    let exported = ask("nm", &["--dynamic", "--defined-only", "--format=just-symbols"]);
    let exported: BTreeSet<&str> = exported.lines().collect();
    // Each line is a function and the version that it came with; a line once released is never changed.
    let listed = read("tests/abi/symbols.txt");
    let listed: BTreeSet<&str> = listed.lines().map(|line| line.split_once(' ').unwrap().0).collect();
    let declared: BTreeSet<String> = SECTIONS.into_iter().flat_map(functions).map(|(name, _)| name).collect();
    assert_eq!(exported, listed);
    assert_eq!(exported, declared.iter().map(String::as_str).collect());
}

/// All that a header defines and declares, without its comments.
fn promises(header: &str) -> BTreeSet<String> {
    let mut parts = header.split("/*");
    let mut code = parts.next().unwrap().to_owned();
    parts.for_each(|part| code += part.split_once("*/").unwrap().1);
    let (defines, code): (Vec<_>, Vec<_>) = code.lines().partition(|line| line.starts_with('#'));
    let code = code.join(" ");
    let statements = code.rsplit_once('}').unwrap().0.replace("extern \"C\" {", ";");
    let statements: Vec<_> = statements.split(';').collect();
    let each = defines.into_iter().chain(statements).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    each.filter(|text| text.starts_with("#define ") || !text.starts_with('#') && !text.is_empty()).collect()
}

/// What is promised in the one header and not, or otherwise, in the other.
fn broken(old: &str, new: &str) -> Vec<String> {
    promises(old).difference(&promises(new)).cloned().collect()
}

#[test]
fn a_broken_promise_is_seen() {
    let old = read(HEADER);
    let seen = |from: &str, to: &str, promise: &str| {
        let new = old.replace(from, to);
        assert!(new != old, "{from}");
        assert_eq!(broken(&old, &new), [promise]);
    };
    assert_eq!(promises(&old).len(), 35 + 12 + 4 + 2 + 5);
    seen("#define TKS_CLOSED 11", "#define TKS_CLOSED 12", "#define TKS_CLOSED 11");
    seen("#define TKS_CLOSED 11", "#define TKS_TOKEN 11", "#define TKS_CLOSED 11");
    seen("int32_t tks_status;", "int64_t tks_status;", "typedef int32_t tks_status");
    seen(
        "double tks_token_expires_in(",
        "float tks_token_expires_in(",
        "double tks_token_expires_in(const tks_token *token)",
    );
    seen("void tks_config_free(", "void tks_config_drop(", "void tks_config_free(tks_config *config)");
    let gets = "tks_status tks_source_get(const tks_source *source, tks_token **token_out, tks_error **error_out)";
    seen("_get(const tks_source *source,", "_get(const tks_source *source, int32_t flags,", gets);
    // What is added, and what is said, breaks none.
    let new =
        old.replace("void tks_config_free(", "void tks_config_wipe(tks_config *config);\n\nvoid tks_config_free(");
    let new =
        new.replace("#define TKS_CLOSED 11", "#define TKS_CLOSED 11\n#define TKS_MORE 12").replace("Frees", "Ends");
    assert_eq!(broken(&old, &new), [""; 0]);
}

/// A version's numbers. Those of one yet to come are compared as its.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().expect(version)).collect()
}

#[test]
fn what_a_release_promised_is_kept() {
    let now = read(HEADER);
    let symbols = read("tests/abi/symbols.txt");
    let symbols = symbols.lines().map(|line| line.split_once(' ').unwrap());
    let releases = fs::read_dir("tests/abi").unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut versions = BTreeSet::new();
    for release in releases {
        let header = read(release.join("tokensource.h").to_str().unwrap());
        let version = release.file_name().unwrap().to_str().unwrap();
        assert_eq!(broken(&header, &now), [""; 0], "{version} promised it: add, and change nothing");
        // A function is of the first release that has it.
        let listed = symbols.clone().filter(|(_, since)| numbers(since) <= numbers(version));
        let listed: BTreeSet<_> = listed.map(|(name, _)| format!("{name}(")).collect();
        let promised = promises(&header);
        let functions = promised.iter().filter_map(|text| text.split([' ', '*']).find(|word| word.contains('(')));
        let functions: BTreeSet<_> =
            functions.map(|word| word.split_inclusive('(').next().unwrap().to_owned()).collect();
        assert_eq!(listed, functions, "the functions of {version}; if it is not released yet: make freeze");
        versions.insert(numbers(version));
    }
    assert!(versions.contains(&numbers(env!("CARGO_PKG_VERSION"))), "nothing holds this version: make freeze");
}

#[test]
fn the_library_needs_nothing_but_the_c_library() {
    let dynamic = ask("readelf", &["--dynamic", "--wide"]);
    let named = |tag: &str| -> Vec<String> {
        let lines = dynamic.lines().filter(|line| line.contains(tag));
        lines.map(|line| line.split(['[', ']']).nth(1).unwrap().to_owned()).collect()
    };
    for needed in named("(NEEDED)") {
        let known = ["libc.so.", "libgcc_s.so.", "ld-linux-"].iter().any(|name| needed.starts_with(name));
        assert!(known, "the library needs {needed}");
    }
    let header = read(HEADER);
    let (_, abi) = header.split_once("#define TKS_ABI_VERSION ").unwrap();
    let abi = abi.lines().next().unwrap();
    assert_eq!(named("(SONAME)"), [format!("libtokensource.so.{abi}")]);
    let manifest = read("Cargo.toml");
    let (_, cargo_c) = manifest.split_once("[package.metadata.capi.library]\n").unwrap();
    assert!(cargo_c.starts_with(&format!("version = \"{abi}.")), "cargo-c would name the library after another ABI");
    assert!(dynamic.contains("NODELETE"), "dlclose would unmap the code of a running fetch");
}

#[test]
fn the_library_is_smaller_than_two_and_a_half_megabytes() {
    let size = fs::metadata(&*LIBRARY).unwrap().len();
    assert!(size < 2_500_000, "{size} bytes");
}

/// Reading a field or a constant cannot panic; whatever does more goes through the boundary.
#[test]
fn what_could_panic_is_inside_the_boundary() {
    const READERS: [&str; 18] = [
        // Its glance loads and compares numbers; where that is not enough, `looked_up` goes through the boundary.
        "tks_source_generation",
        "tks_token_access_token",
        "tks_token_authorization",
        "tks_token_type",
        "tks_token_scope",
        "tks_token_response",
        "tks_error_status",
        "tks_error_message",
        "tks_error_oauth_error",
        "tks_error_oauth_description",
        "tks_error_oauth_uri",
        "tks_error_http_status",
        "tks_error_retry_after",
        "tks_error_is_transient",
        "tks_error_free",
        "tks_abi_version",
        "tks_version",
        "tks_status_name",
    ];
    for (name, body) in SECTIONS.into_iter().flat_map(functions) {
        let (_, body) = body.split_once("{\n").unwrap();
        let body = body.lines().map(str::trim).find(|line| !line.starts_with("//")).unwrap();
        let inside = ["boundary::fallible(error_out, || {", "boundary::or("].iter().any(|way| body.starts_with(way));
        assert!(inside != READERS.contains(&name.as_str()), "{name}");
    }
}
