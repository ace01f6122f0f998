//! How a program of C or C++ is built against a build of the library, and what looks over its shoulder while it runs.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// ring's assembly reads past what it was given, within a word: undefined values cannot be looked for.
pub const VALGRIND: [&str; 4] = ["valgrind", "--quiet", "--error-exitcode=99", "--undef-value-errors=no"];
pub const LEAKS: [&str; 3] = ["--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"];

/// Builds a program with the system's compiler; `more` wins over the usual. `library`: where libtokensource.so is.
pub fn compile(source: impl AsRef<Path>, more: &[&str], library: &Path) -> PathBuf {
    let source = source.as_ref();
    // Its whole path, for two programs may have one name.
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(source.to_str().unwrap().replace('/', "-"));
    let (compiler, language): (_, &[&str]) = match source.extension().and_then(|extension| extension.to_str()) {
        Some("cpp") => ("c++", &["-std=c++17", "-Wshadow", "-Wconversion", "-Ibindings/c"]),
        _ => ("cc", &["-std=c99"]),
    };
    let mut command = Command::new(compiler);
    command.args(language).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-pthread"]);
    command.arg(source).arg("-o").arg(&program).arg("-Wl,--as-needed").args(more);
    command.args(["-Iinclude", "-ltokensource", "-ldl"]).arg("-L").arg(library);
    command.arg(format!("-Wl,-rpath,{}", library.display()));
    assert!(command.status().expect(compiler).success(), "{} does not compile", source.display());
    program
}
