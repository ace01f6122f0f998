"""Lists the crates that are linked into the library, without those that build or test it."""

import json
import subprocess
from typing import Any

RUST = "The Rust standard library"


def output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def metadata(triple: str) -> dict[str, Any]:
    """Returns the output of `cargo metadata` for a target."""
    command = ["cargo", "metadata", "--locked", "--features=capi", "--format-version=1", f"--filter-platform={triple}"]
    result: dict[str, Any] = json.loads(output(*command))
    return result


def crates(triple: str) -> list[dict[str, Any]]:
    """Returns the linked crates, the library itself among them, as `cargo metadata` describes them."""
    tree = ["cargo", "tree", "--locked", "--features=capi", f"--target={triple}", "--edges=normal,no-proc-macro"]
    linked = {tuple(line.split()[:2]) for line in output(*tree, "--prefix=none", "--format={p}").splitlines()}
    chosen = [crate for crate in metadata(triple)["packages"] if (crate["name"], f"v{crate['version']}") in linked]
    return sorted(chosen, key=lambda crate: (crate["name"], crate["version"]))
