//! Makes `include/tokensource.h` from `src/ffi`, and checks the header and the release build. The header compiles as every
//! C and C++. The library exports what the header declares, and nothing else. The promises of each release in `tests/abi`
//! are kept.
//!
//! Nothing is called here: what the functions do is tested by `tests/c.rs`.
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

/// The sections of the header, in their order. Each is a file of `src/ffi`.
const SECTIONS: [&str; 5] = ["config", "source", "token", "error", "library"];

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| build::make("build").join("release/libtokensource.so"));

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the output of a tool that inspects the release build.
fn inspect(tool: &str, flags: &[&str]) -> String {
    let output = Command::new(tool).args(flags).arg(&*LIBRARY).output().expect(tool);
    assert!(output.status.success(), "{tool} {flags:?} failed");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the `//!` text of a file as a C comment, with its code blocks indented.
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

/// Returns the functions that a file exports, in their order, each with its body.
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

/// Returns the constants that a file defines, in their order.
fn constants(file: &str) -> Vec<String> {
    let source = read(&format!("src/ffi/{file}.rs"));
    let names = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(':'));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// Removes a constant with its comment from the header, and returns both.
fn take_constant(header: &mut String, name: &str) -> String {
    let define = header.find(&format!("#define {name} ")).unwrap_or_else(|| panic!("{name} is not in the header"));
    let start = header[..define].rfind("/**").unwrap();
    let end = define + header[define..].find("\n\n").unwrap() + 2;
    header.drain(start..end).collect()
}

/// Returns the macros of the version. They are made from Cargo.toml, so that a release changes it in one place.
fn version_macros() -> String {
    let define = |comment: &str, name: &str, value: &str| format!("/**\n * {comment}\n */\n#define {name} {value}\n\n");
    let number = |name: &str, value: &str| {
        define(&format!("The {name} number of TKS_VERSION."), &format!("TKS_VERSION_{}", name.to_uppercase()), value)
    };
    define(
        "The version of this header. tks_version returns the version of the loaded library, which may be later.",
        "TKS_VERSION",
        concat!("\"", env!("CARGO_PKG_VERSION"), "\""),
    ) + &number("major", env!("CARGO_PKG_VERSION_MAJOR"))
        + &number("minor", env!("CARGO_PKG_VERSION_MINOR"))
        + &number("patch", env!("CARGO_PKG_VERSION_PATCH"))
}

/// Runs cbindgen, which writes all constants first, and moves each constant to the section of its file.
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
        let mut section = opening(file) + "\n\n";
        for name in constants(file) {
            section += &take_constant(&mut header, &name);
        }
        if file == "library" {
            section += &version_macros();
        }
        let function = header.find(&format!("{}(", functions(file)[0].0)).unwrap();
        let comment = header[..function].rfind("/**").unwrap();
        header.insert_str(comment, &section);
    }
    // C90 has no `//` comments.
    let header = header.replace("// __cplusplus", "/* __cplusplus */").replace("// extern \"C\"", "/* extern \"C\" */");
    format!("{}\n\n{}", opening("mod"), header.trim_start())
}

#[test]
fn the_header_is_current() {
    let made = make_header();
    if env::var_os("TKS_WRITE_HEADER").is_some() {
        fs::write(HEADER, &made).unwrap();
    }
    assert!(read(HEADER) == made, "{HEADER} is stale: run `make header` and commit it");
}

#[test]
fn the_header_compiles_alone_as_every_c_and_cpp() {
    for (compiler, language, standard) in
        [("cc", "c", "c90"), ("cc", "c", "c99"), ("cc", "c", "c17"), ("c++", "c++", "c++98"), ("c++", "c++", "c++11")]
    {
        let mut command = Command::new(compiler);
        command.args(["-x", language, &format!("-std={standard}"), "-Iinclude", "-fsyntax-only"]);
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-"]);
        let mut process = command.stdin(Stdio::piped()).spawn().expect(compiler);
        // Included twice, to test the include guard.
        let program = b"#include <tokensource.h>\n#include <tokensource.h>\nint main(void) { return TKS_OK; }\n";
        process.stdin.take().unwrap().write_all(program).unwrap();
        assert!(process.wait().unwrap().success(), "{HEADER} does not compile as {standard}");
    }
}

#[test]
fn the_cpp_header_compiles_alone() {
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
fn the_cpp_header_calls_every_function_of_a_handle() {
    let header = read("bindings/c/tokensource.hpp");
    for (name, _) in ["config", "source", "token", "error"].into_iter().flat_map(functions) {
        assert!(header.contains(&format!("{name}(")), "{name}");
    }
}

#[test]
fn each_status_has_a_number_and_a_name() {
    let source = read("src/ffi/error.rs");
    let header = read(HEADER);
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define TKS_")?.split_once(' '));
    let other = |name: &str| ["STAT_", "ABI_", "VERSION"].iter().any(|prefix| name.starts_with(prefix));
    let statuses: Vec<_> = defines.filter(|(name, _)| !other(name)).collect();
    for (number, (name, value)) in statuses.iter().enumerate() {
        assert_eq!(*value, number.to_string(), "TKS_{name}");
        assert!(source.contains(&format!("TKS_{name} => c\"TKS_{name}\",")), "TKS_{name} has no name");
    }
    assert_eq!(statuses.len(), 12);
}

#[test]
fn the_version_macros_are_those_of_cargo_toml() {
    let header = read(HEADER);
    let value = |name: &str| {
        let (_, rest) = header.split_once(&format!("#define {name} ")).unwrap_or_else(|| panic!("{name}"));
        rest.lines().next().unwrap().to_owned()
    };
    let numbers = ["MAJOR", "MINOR", "PATCH"].map(|part| value(&format!("TKS_VERSION_{part}"))).join(".");
    let manifest = read("Cargo.toml");
    let (_, package) = manifest.split_once("[package]\n").unwrap();
    let version = package.lines().find_map(|line| line.strip_prefix("version = ")).unwrap();
    assert_eq!(value("TKS_VERSION"), version);
    assert_eq!(format!("\"{numbers}\""), version);
}

#[test]
fn the_library_exports_what_the_header_declares() {
    let exported = inspect("nm", &["--dynamic", "--defined-only", "--format=just-symbols"]);
    let exported: BTreeSet<&str> = exported.lines().collect();
    // Each line is a function and its first version. A line that is released is never changed.
    let listed = read("tests/abi/symbols.txt");
    let listed: BTreeSet<&str> = listed.lines().map(|line| line.split_once(' ').unwrap().0).collect();
    let declared: BTreeSet<String> = SECTIONS.into_iter().flat_map(functions).map(|(name, _)| name).collect();
    assert_eq!(exported, listed);
    assert_eq!(exported, declared.iter().map(String::as_str).collect());
}

/// Returns all that a header defines and declares, without comments and without the numbers of its version.
fn promises(header: &str) -> BTreeSet<String> {
    let mut parts = header.split("/*");
    let mut code = parts.next().unwrap().to_owned();
    parts.for_each(|part| code += part.split_once("*/").unwrap().1);
    let (defines, code): (Vec<_>, Vec<_>) = code.lines().partition(|line| line.starts_with('#'));
    let code = code.join(" ");
    let statements = code.rsplit_once('}').unwrap().0.replace("extern \"C\" {", ";");
    let statements: Vec<_> = statements.split(';').collect();
    let each = defines.into_iter().chain(statements).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let each = each.filter(|text| text.starts_with("#define ") || !text.starts_with('#') && !text.is_empty());
    each.map(|text| if is_version(&text) { text.rsplit_once(' ').unwrap().0.to_owned() } else { text }).collect()
}

/// A later version has the same macros with other values.
fn is_version(define: &str) -> bool {
    define.starts_with("#define TKS_VERSION")
}

/// Returns the promises of the old header that the new one does not keep.
fn broken(old: &str, new: &str) -> Vec<String> {
    promises(old).difference(&promises(new)).cloned().collect()
}

#[test]
fn a_broken_promise_is_detected() {
    let old = read(HEADER);
    let detected = |from: &str, to: &str, promise: &str| {
        let new = old.replace(from, to);
        assert!(new != old, "{from}");
        assert_eq!(broken(&old, &new), [promise]);
    };
    assert_eq!(promises(&old).len(), 35 + 12 + 4 + 2 + 4 + 5);
    detected("#define TKS_CLOSED 11", "#define TKS_CLOSED 12", "#define TKS_CLOSED 11");
    detected("#define TKS_CLOSED 11", "#define TKS_TOKEN 11", "#define TKS_CLOSED 11");
    detected("int32_t tks_status;", "int64_t tks_status;", "typedef int32_t tks_status");
    detected(
        "double tks_token_expires_in(",
        "float tks_token_expires_in(",
        "double tks_token_expires_in(const tks_token *token)",
    );
    detected("void tks_config_free(", "void tks_config_drop(", "void tks_config_free(tks_config *config)");
    let gets = "tks_status tks_source_get(const tks_source *source, tks_token **token_out, tks_error **error_out)";
    detected("_get(const tks_source *source,", "_get(const tks_source *source, int32_t flags,", gets);
    detected("#define TKS_VERSION_MINOR", "#define TKS_VERSION_MIDDLE", "#define TKS_VERSION_MINOR");
    // An addition, another comment and another version break no promise.
    let new =
        old.replace("void tks_config_free(", "void tks_config_wipe(tks_config *config);\n\nvoid tks_config_free(");
    let new =
        new.replace("#define TKS_CLOSED 11", "#define TKS_CLOSED 11\n#define TKS_MORE 12").replace("Frees", "Ends");
    let new = new.replace(concat!("TKS_VERSION \"", env!("CARGO_PKG_VERSION")), "TKS_VERSION \"7.0.0");
    assert_eq!(broken(&old, &new), [""; 0]);
}

/// Returns the numbers of a version, which compare as versions do.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().expect(version)).collect()
}

#[test]
fn the_promises_of_every_release_are_kept() {
    let now = read(HEADER);
    let symbols = read("tests/abi/symbols.txt");
    let symbols = symbols.lines().map(|line| line.split_once(' ').unwrap());
    let releases = fs::read_dir("tests/abi").unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut versions = BTreeSet::new();
    for release in releases {
        let header = read(release.join("tokensource.h").to_str().unwrap());
        let version = release.file_name().unwrap().to_str().unwrap();
        assert_eq!(broken(&header, &now), [""; 0], "{version} promised it: add, and change nothing");
        // Each function belongs to the first release that has it.
        let listed = symbols.clone().filter(|(_, since)| numbers(since) <= numbers(version));
        let listed: BTreeSet<_> = listed.map(|(name, _)| format!("{name}(")).collect();
        let promised = promises(&header);
        let functions = promised.iter().filter_map(|text| text.split([' ', '*']).find(|word| word.contains('(')));
        let functions: BTreeSet<_> =
            functions.map(|word| word.split_inclusive('(').next().unwrap().to_owned()).collect();
        assert_eq!(listed, functions, "the functions of {version}; if it is not released yet: make freeze");
        versions.insert(numbers(version));
    }
    assert!(versions.contains(&numbers(env!("CARGO_PKG_VERSION"))), "this version is not frozen: make freeze");
}

#[test]
fn the_library_needs_only_the_c_library() {
    let dynamic = inspect("readelf", &["--dynamic", "--wide"]);
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
    assert!(cargo_c.starts_with(&format!("version = \"{abi}.")), "cargo-c would give the library another ABI version");
    assert!(dynamic.contains("NODELETE"), "dlclose would unmap the code of a running fetch");
}

#[test]
fn the_library_is_smaller_than_2_5_megabytes() {
    let size = fs::metadata(&*LIBRARY).unwrap().len();
    assert!(size < 2_500_000, "{size} bytes");
}

/// Reading a field or a constant cannot panic. Every other function goes through the boundary.
#[test]
fn every_function_that_may_panic_is_inside_the_boundary() {
    const READERS: [&str; 18] = [
        // Its fast path loads and compares numbers; `slow_generation` goes through the boundary.
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
        let inside =
            ["boundary::fallible(error_out, || {", "boundary::infallible("].iter().any(|way| body.starts_with(way));
        assert!(inside != READERS.contains(&name.as_str()), "{name}");
    }
}
