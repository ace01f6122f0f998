"""What is linked into the library that is shipped: each crate, and not what builds or tests it."""

import json
import subprocess
from typing import Any

RUST = "The Rust standard library"


def output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def metadata(triple: str) -> dict[str, Any]:
    """All that cargo knows about the crates for such a machine."""
    command = ["cargo", "metadata", "--locked", "--features=capi", "--format-version=1", f"--filter-platform={triple}"]
    told: dict[str, Any] = json.loads(output(*command))
    return told


def crates(triple: str) -> list[dict[str, Any]]:
    """As `cargo metadata` describes them, the library itself too."""
    tree = ["cargo", "tree", "--locked", "--features=capi", f"--target={triple}", "--edges=normal,no-proc-macro"]
    linked = {tuple(line.split()[:2]) for line in output(*tree, "--prefix=none", "--format={p}").splitlines()}
    chosen = [crate for crate in metadata(triple)["packages"] if (crate["name"], f"v{crate['version']}") in linked]
    return sorted(chosen, key=lambda crate: (crate["name"], crate["version"]))
