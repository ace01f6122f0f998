//! Sets the soname of the shared library. It must not run a generator, because every build of the library waits for it.

use std::{env, fs};

fn main() {
    let source = "src/ffi/library.rs";
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={source}");

    let text = fs::read_to_string(source).expect(source);
    let (_, after) = text.split_once("TKS_ABI_VERSION: u32 = ").expect("the ABI version");
    let (abi, _) = after.split_once(';').expect("the ABI version");

    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos" | "ios") => link(&format!("-Wl,-install_name,@rpath/libtokensource.{abi}.dylib")),
        Ok("windows") => {}
        _ => {
            link(&format!("-Wl,-soname,libtokensource.so.{abi}"));
            // The code of a detached thread must not be unmapped.
            link("-Wl,-z,nodelete");
        }
    }
}

fn link(argument: &str) {
    println!("cargo:rustc-cdylib-link-arg={argument}");
}
