"""Checks the contents of release files and prints each fault: usage: check.py FILE...

Machine code must run with glibc 2.17 and must not contain a path of the machine that built it. Each kind of file has a
list of required members, licences among them, and must not contain machine code elsewhere. The name of the file and of
its folder decide which kind it is.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

GLIBC = (2, 17)

OWN_LICENCES = ["*/LICENSE-MIT", "*/LICENSE-APACHE"]
# For files that contain third-party code.
THIRD_PARTY = [*OWN_LICENCES, "*/LICENCES", "*/tokensource.cdx.json"]
# For files that the library can be built from.
SOURCES = [*OWN_LICENCES, "*/Cargo.lock", "*/src/lib.rs", "*/tests/cases/*.json"]


@dataclass
class Kind:
    name: str
    machine_code: list[str]
    required: list[str]


# The first kind whose name matches counts.
KINDS = [
    Kind("wheel/tokensource-*.whl", ["tokensource/libtokensource.so"], [*THIRD_PARTY, "*/py.typed"]),
    Kind("wheel/tokensource-*.tar.gz", [], [*SOURCES, "*/PKG-INFO"]),
    Kind("npm/tokensource-linux-*.tgz", ["package/libtokensource.so"], THIRD_PARTY),
    Kind("npm/tokensource-*.tgz", [], [*OWN_LICENCES, "package/index.d.ts"]),
    Kind(
        "dist/tokensource-*-linux-*.tar.gz",
        ["*/bin/tokensource", "*/lib/libtokensource.so.*"],
        [*THIRD_PARTY, "*/lib/libtokensource.a", "*/include/*.h", "*/pkgconfig/*.pc", "*/cmake/*.cmake", "*/man1/*"],
    ),
    Kind("dist/tokensource-*.tar.gz", [], [*SOURCES, "*/.ci/run", "*/.cargo/config.toml", "*/vendor/*", "*/fuzz/*"]),
]

# What building and testing leave behind, outside third-party crates.
LEFTOVER = re.compile(r"^(?!.*/vendor/).*/(target|node_modules|__pycache__|artifacts|\.git)/")


def members(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yields each regular file of an archive, as name and content."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
    else:
        with tarfile.open(file) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content:
                    yield member.name, content.read()


def too_new(content: bytes) -> list[str]:
    """Returns the versions of glibc that an ELF file needs and that are newer than GLIBC."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        command = ["readelf", "--wide", "--version-info", file.name]
        english = {**os.environ, "LC_ALL": "C"}
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=english).stdout
    _, _, needs = output.partition("Version needs section")
    versions = set(re.findall(r"Name: GLIBC_(\S+)", needs))
    # Not every version is a number: glibc 2.36 added ABI_DT_RELR.
    allowed = {version for version in versions if re.fullmatch(r"[\d.]+", version) and numbers(version) <= GLIBC}
    return sorted(versions - allowed)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def build_paths() -> list[str]:
    """Returns the paths of the build on this machine. A name of one part could be in any text, so it is left out."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    sysroot = subprocess.run(["rustc", "--print=sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    tree = Path(__file__).resolve().parents[1]
    target = Path(os.environ.get("CARGO_TARGET_DIR") or tree / "target")
    known = {path.resolve() for path in (home, Path(sysroot), tree, target, Path.home())}
    return ["/home/", *(f"{path}/" for path in known if len(path.parts) > 2)]


BUILD_PATHS = build_paths()


def faults(file: Path) -> Iterator[str]:
    """Yields what is wrong with a file."""
    name = f"{file.resolve().parent.name}/{file.name}"
    kind = next((kind for kind in KINDS if fnmatch(name, kind.name)), None)
    if not kind:
        yield "has no known kind"
        return
    content = dict(members(file))
    for wanted in [*kind.machine_code, *kind.required]:
        if not any(fnmatch(name, wanted) for name in content):
            yield f"has no {wanted}"
    for name, data in content.items():
        if LEFTOVER.match(name):
            yield f"{name}: is left over from a build or a test"
        expected = any(fnmatch(name, wanted) for wanted in kind.machine_code)
        if data.startswith(b"\x7fELF") != expected:
            yield f"{name}: is not machine code" if expected else f"{name}: is machine code, which does not belong here"
        elif expected:
            yield from (f"{name}: needs GLIBC_{version}" for version in too_new(data))
        if expected or name.endswith((".a", "/LICENCES", ".cdx.json")):
            yield from (
                f"{name}: contains a path of the build machine, {path}" for path in BUILD_PATHS if path.encode() in data
            )


def main(files: list[str]) -> int:
    found = [f"{file}: {fault}" for file in files for fault in faults(Path(file))]
    print(*found, sep="\n", end="\n" * bool(found), file=sys.stderr)
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
