"""Prints the components of the library as a CycloneDX bill of materials: usage: sbom.py TRIPLE.

The same sources give the same bill: it contains no time, and its serial number is computed from the rest.
"""

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

from linked import RUST, crates, metadata, output

Component = dict[str, Any]


def reference(crate: dict[str, Any]) -> str:
    return f"pkg:cargo/{crate['name']}@{crate['version'].replace('+', '%2B')}"


def checksums() -> dict[tuple[str, str], str]:
    """Returns the SHA-256 of each crate's archive, from Cargo.lock."""
    entry = re.compile(r'name = "(.*)"\nversion = "(.*)"\nsource = .*\nchecksum = "(.*)"')
    return {(name, version): checksum for name, version, checksum in entry.findall(Path("Cargo.lock").read_text())}


def component(crate: dict[str, Any], checksum: str | None) -> Component:
    # Crates older than SPDX expressions write a slash for OR.
    licence = crate["license"].replace("/", " OR ")
    described: Component = {
        "type": "library",
        "bom-ref": reference(crate),
        "name": crate["name"],
        "version": crate["version"],
        "licenses": [{"expression": licence}],
        "purl": reference(crate),
    }
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if crate["repository"]:
        described["externalReferences"] = [{"type": "vcs", "url": crate["repository"]}]
    return described


def standard_library() -> Component:
    version = output("rustc", "--version").split()[1]
    purl = f"pkg:github/rust-lang/rust@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": "std",
        "version": version,
        "description": RUST,
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "purl": purl,
    }


def main(triple: str) -> None:
    linked = {crate["id"]: crate for crate in crates(triple)}
    checksum = checksums()
    std = standard_library()
    components = {
        key: component(crate, checksum.get((crate["name"], crate["version"]))) for key, crate in linked.items()
    }
    dependencies = []
    nodes = {node["id"]: node for node in metadata(triple)["resolve"]["nodes"]}
    for key, crate in linked.items():
        normal = [to for to in nodes[key]["deps"] if any(kind["kind"] is None for kind in to["dep_kinds"])]
        on = sorted(reference(linked[to["pkg"]]) for to in normal if to["pkg"] in linked)
        dependencies.append({"ref": reference(crate), "dependsOn": [*on, std["bom-ref"]]})
    (own,) = (key for key, crate in linked.items() if crate["source"] is None)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": components.pop(own)},
        "components": [*components.values(), std],
        "dependencies": [*dependencies, {"ref": std["bom-ref"]}],
    }
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill))
    print(json.dumps({**bill, "serialNumber": f"urn:uuid:{number}"}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
