//! Compiles a C or C++ program against a build of the library, and has the options for valgrind. It runs nothing.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Undefined values are not reported, because the assembly of ring reads up to a word past its input.
pub const VALGRIND: [&str; 4] = ["valgrind", "--quiet", "--error-exitcode=99", "--undef-value-errors=no"];
pub const LEAKS: [&str; 3] = ["--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"];

/// Compiles a program with the system's compiler. `more` overrides the default flags. `library` is the folder of
/// libtokensource.so.
pub fn compile(source: impl AsRef<Path>, more: &[&str], library: &Path) -> PathBuf {
    let source = source.as_ref();
    // The whole path, because two programs may have the same name.
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
