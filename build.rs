//! Names the shared library, and nothing that takes time: whoever builds the library pays for no generator.

use std::{env, fs};

fn main() {
    let source = "src/ffi/library.rs";
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={source}");

    let text = fs::read_to_string(source).expect(source);
    let (_, after) = text.split_once("TKS_ABI_VERSION: u32 = ").expect("the number of the ABI");
    let (abi, _) = after.split_once(';').expect("the number of the ABI");

    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos" | "ios") => link(&format!("-Wl,-install_name,@rpath/libtokensource.{abi}.dylib")),
        Ok("windows") => {}
        _ => {
            link(&format!("-Wl,-soname,libtokensource.so.{abi}"));
            // A detached thread must never find its code unmapped.
            link("-Wl,-z,nodelete");
        }
    }
}

fn link(argument: &str) {
    println!("cargo:rustc-cdylib-link-arg={argument}");
}
