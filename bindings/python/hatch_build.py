"""Puts the shared library into the wheel, and tags the wheel for the machines that can load it.

TOKENSOURCE_DIST names the directory of `make dist-so`, with the library and its list of parts. The wheel is then for
every Linux with glibc 2.17 or later. Without it, as in `pip install ./bindings/python`, cargo builds the library for
this machine: from core/ in an sdist, else from the repository.
"""

import os
import platform
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LibraryHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An editable installation has no library: TOKENSOURCE_LIBRARY names it.
        if self.target_name != "wheel" or version == "editable":
            return
        if dist := os.environ.get("TOKENSOURCE_DIST"):
            library = Path(dist, "libtokensource.so")
            if not library.exists():
                raise FileNotFoundError(f"{library} is missing: make dist-so")
            tag = f"manylinux2014_{platform.machine()}"
            build_data["sbom_files"] = [str(Path(dist, "tokensource.cdx.json"))]
        else:
            library = self.built_here()
            tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["force_include"][str(library)] = f"tokensource/{library.name}"
        build_data["tag"] = f"py3-none-{tag}"
        build_data["pure_python"] = False

    def built_here(self) -> Path:
        here = Path(self.root)
        core = here / "core" if (here / "core").exists() else here.parents[1]
        target = Path(os.environ.get("CARGO_TARGET_DIR", core / "target"))
        command = ["cargo", "rustc", "--locked", "--release", "--features=capi", "--lib", "--crate-type=cdylib"]
        try:
            subprocess.run([*command, f"--target-dir={target}"], cwd=core, check=True)
        except FileNotFoundError:
            raise RuntimeError("tokensource is built with cargo, which is missing: see https://rustup.rs") from None
        name = "libtokensource.dylib" if platform.system() == "Darwin" else "libtokensource.so"
        return target / "release" / name
