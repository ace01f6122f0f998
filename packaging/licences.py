"""Prints the licences of the library and of all that is linked into it: usage: licences.py TRIPLE."""

import html
import re
import sys
from pathlib import Path

from linked import RUST, crates, output


def texts(folder: Path) -> list[tuple[str, str]]:
    """The files in which a crate says what it may be used for."""
    wanted = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name.upper().startswith(wanted))
    return [(file.name, file.read_text(errors="replace").strip()) for file in files]


def main(triple: str) -> None:
    """Says each text once, with whose it is."""
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
    # It is made for browsers, of headings, paragraphs and texts as they are.
    text = html.unescape(re.sub(r"<[^>]*>", "", page.read_text()))
    owners.setdefault(text.strip(), []).append(f"{RUST}: {page.name}")
    print("What the tokensource library is made of, and under which licences:", "", *lines, sep="\n")
    for text, whose in owners.items():
        print("", "=" * 80, *whose, "=" * 80, "", text, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1])
