"""Prints the licences of the library and of all that is linked into it: usage: licences.py TRIPLE."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path

RUST = "The Rust standard library"


def packages(triple: str) -> list[dict[str, str]]:
    """Each crate that the library is made of, itself too: not what builds or tests it."""
    tree = ["cargo", "tree", "--locked", "--features=capi", f"--target={triple}", "--edges=normal,no-proc-macro"]
    names = subprocess.run([*tree, "--prefix=none", "--format={p}"], check=True, capture_output=True, text=True).stdout
    linked = {tuple(line.split()[:2]) for line in names.splitlines()}
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={triple}"]
    known = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["packages"]
    chosen = [package for package in known if (package["name"], f"v{package['version']}") in linked]
    return sorted(chosen, key=lambda package: package["name"])


def texts(folder: Path) -> list[tuple[str, str]]:
    """The files in which a crate says what it may be used for."""
    wanted = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name.upper().startswith(wanted))
    return [(file.name, file.read_text(errors="replace").strip()) for file in files]


def main(triple: str) -> None:
    """Says each text once, with whose it is."""
    owners: dict[str, list[str]] = {}
    lines = []
    for package in packages(triple):
        name = f"{package['name']} {package['version']}"
        lines.append(f"{name}: {package['license'] or 'see its text'}; {package.get('repository') or ''}".rstrip("; "))
        for file, text in texts(Path(package["manifest_path"]).parent):
            owners.setdefault(text, []).append(f"{name}: {file}")
    sysroot = subprocess.run(["rustc", "--print=sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    lines.append(f"{RUST}: MIT OR Apache-2.0; https://github.com/rust-lang/rust")
    page = Path(sysroot, "share/doc/rust/COPYRIGHT-library.html")
    # It is made for browsers, of headings, paragraphs and texts as they are.
    text = html.unescape(re.sub(r"<[^>]*>", "", page.read_text()))
    owners.setdefault(text.strip(), []).append(f"{RUST}: {page.name}")
    print("What the tokensource library is made of, and under which licences:", "", *lines, sep="\n")
    for text, whose in owners.items():
        print("", "=" * 80, *whose, "=" * 80, "", text, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1])
