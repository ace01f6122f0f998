"""Prints the licences of the library and of everything linked into it: usage: licences.py TRIPLE."""

import html
import re
import sys
from pathlib import Path

from linked import RUST, crates, output


def texts(folder: Path) -> list[tuple[str, str]]:
    """Returns the licence files of a crate, as name and text."""
    wanted = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name.upper().startswith(wanted))
    return [(file.name, file.read_text(errors="replace").strip()) for file in files]


def main(triple: str) -> None:
    """Prints each text once, under the names of the crates that have it."""
    owners: dict[str, list[str]] = {}
    lines = []
    for package in crates(triple):
        name = f"{package['name']} {package['version']}"
        lines.append(f"{name}: {package['license'] or 'see its text'}; {package.get('repository') or ''}".rstrip("; "))
        for file, text in texts(Path(package["manifest_path"]).parent):
            owners.setdefault(text, []).append(f"{name}: {file}")
    sysroot = output("rustc", "--print=sysroot").strip()
    lines.append(f"{RUST}: MIT OR Apache-2.0; https://github.com/rust-lang/rust")
    page = Path(sysroot, "share/doc/rust/COPYRIGHT-library.html")
    # The page is HTML. Its licence texts are preformatted.
    text = html.unescape(re.sub(r"<[^>]*>", "", page.read_text()))
    owners.setdefault(text.strip(), []).append(f"{RUST}: {page.name}")
    print("The components of the tokensource library, and their licences:", "", *lines, sep="\n")
    for text, names in owners.items():
        print("", "=" * 80, *names, "=" * 80, "", text, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1])
