"""Opens what is to be shipped and says what is wrong in it: usage: check.py FILE...

Machine code must run with glibc 2.17 and may hold no path of the machine that built it. Each kind of file must have
what belongs in it, the licences too, and no machine code elsewhere. Its name says which kind it is, with its folder's.
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
# What carries other people's work says whose.
CARRIES = [*OWN_LICENCES, "*/LICENCES", "*/tokensource.cdx.json"]
BUILDS = [*OWN_LICENCES, "*/Cargo.lock", "*/src/lib.rs", "*/tests/cases/*.json"]


@dataclass
class Kind:
    name: str
    machine_code: list[str]
    has: list[str]


# The first that fits.
KINDS = [
    Kind("wheel/tokensource-*.whl", ["tokensource/libtokensource.so"], [*CARRIES, "*/py.typed"]),
    Kind("wheel/tokensource-*.tar.gz", [], [*BUILDS, "*/PKG-INFO"]),
    Kind("npm/tokensource-linux-*.tgz", ["package/libtokensource.so"], CARRIES),
    Kind("npm/tokensource-*.tgz", [], [*OWN_LICENCES, "package/index.d.ts"]),
    Kind(
        "dist/tokensource-*-linux-*.tar.gz",
        ["*/bin/tokensource", "*/lib/libtokensource.so.*"],
        [*CARRIES, "*/lib/libtokensource.a", "*/include/*.h", "*/pkgconfig/*.pc", "*/cmake/*.cmake", "*/man1/*"],
    ),
    Kind("dist/tokensource-*.tar.gz", [], [*BUILDS, "*/.ci/run", "*/.cargo/config.toml", "*/vendor/*", "*/fuzz/*"]),
]

# What building and testing leave behind, outside of other people's crates.
STRAY = re.compile(r"^(?!.*/vendor/).*/(target|node_modules|__pycache__|artifacts|\.git)/")


def members(file: Path) -> Iterator[tuple[str, bytes]]:
    """Each regular file in an archive, as name and content."""
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
    """The versions of glibc that an ELF file needs, where they are newer than may be."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        command = ["readelf", "--wide", "--version-info", file.name]
        english = {**os.environ, "LC_ALL": "C"}
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=english).stdout
    _, _, needs = said.partition("Version needs section")
    versions = set(re.findall(r"Name: GLIBC_(\S+)", needs))
    # Not all are numbers: ABI_DT_RELR is 2.36's.
    allowed = {version for version in versions if re.fullmatch(r"[\d.]+", version) and numbers(version) <= GLIBC}
    return sorted(versions - allowed)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def places() -> list[str]:
    """Where things lie on the machine that builds: no name so short that it may be in any text."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    sysroot = subprocess.run(["rustc", "--print=sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    tree = Path(__file__).resolve().parents[1]
    target = Path(os.environ.get("CARGO_TARGET_DIR") or tree / "target")
    known = {path.resolve() for path in (home, Path(sysroot), tree, target, Path.home())}
    return ["/home/", *(f"{path}/" for path in known if len(path.parts) > 2)]


PLACES = places()


def faults(file: Path) -> Iterator[str]:
    name = f"{file.resolve().parent.name}/{file.name}"
    kind = next((kind for kind in KINDS if fnmatch(name, kind.name)), None)
    if not kind:
        yield "is of no kind that is known here"
        return
    content = dict(members(file))
    for wanted in [*kind.machine_code, *kind.has]:
        if not any(fnmatch(name, wanted) for name in content):
            yield f"has no {wanted}"
    for name, data in content.items():
        if STRAY.match(name):
            yield f"{name}: is made, and does not belong here"
        expected = any(fnmatch(name, wanted) for wanted in kind.machine_code)
        if data.startswith(b"\x7fELF") != expected:
            yield f"{name}: is no machine code" if expected else f"{name}: is machine code, which does not belong here"
        elif expected:
            yield from (f"{name}: needs GLIBC_{version}" for version in too_new(data))
        if expected or name.endswith((".a", "/LICENCES", ".cdx.json")):
            yield from (
                f"{name}: has a path of the machine that built it, {at}" for at in PLACES if at.encode() in data
            )


def main(files: list[str]) -> int:
    wrong = [f"{file}: {fault}" for file in files for fault in faults(Path(file))]
    print(*wrong, sep="\n", end="\n" * bool(wrong), file=sys.stderr)
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
