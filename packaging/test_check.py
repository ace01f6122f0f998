"""Whether check.py sees what it is there to see: usage: test_check.py TARGET, in which wheel and library are built."""

import shutil
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from check import faults, members

TARGET = Path(sys.argv.pop())
(WHEEL,) = TARGET.glob("wheel/*.whl")
LIBRARY = "tokensource/libtokensource.so"


class Check(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp()) / "wheel"
        self.folder.mkdir()
        self.addCleanup(shutil.rmtree, self.folder.parent)
        self.content = dict(members(WHEEL))
        (self.sbom,) = (name for name in self.content if name.endswith(".cdx.json"))

    def faults(self, name: str = WHEEL.name) -> list[str]:
        file = self.folder / name
        with zipfile.ZipFile(file, "w") as archive:
            for inside, data in self.content.items():
                archive.writestr(inside, data)
        return list(faults(file))

    def test_what_was_built_to_be_shipped_has_no_fault(self) -> None:
        self.assertEqual(self.faults(), [])

    def test_the_plain_build_is_refused_for_the_glibc_that_it_needs(self) -> None:
        self.content[LIBRARY] = (TARGET / "release/libtokensource.so").read_bytes()
        self.assertRegex("\n".join(self.faults()), rf"(?m)^{LIBRARY}: needs GLIBC_2\.\d+$")

    def test_an_empty_package_is_refused(self) -> None:
        del self.content[LIBRARY]
        self.assertEqual(self.faults(), [f"has no {LIBRARY}"])

    def test_a_library_that_is_none_is_refused(self) -> None:
        self.content[LIBRARY] = b"no library"
        self.assertEqual(self.faults(), [f"{LIBRARY}: is no machine code"])

    def test_a_path_in_the_library_is_refused(self) -> None:
        self.content[LIBRARY] += b"/home/somebody/tokensource/src/lib.rs"
        self.assertEqual(self.faults(), [f"{LIBRARY}: has a path of the machine that built it, /home/"])

    def test_a_package_that_does_not_say_what_is_in_it_is_refused(self) -> None:
        del self.content[self.sbom]
        self.assertEqual(self.faults(), ["has no */tokensource.cdx.json"])

    def test_machine_code_elsewhere_is_refused(self) -> None:
        self.content["tokensource/more.so"] = self.content[LIBRARY]
        self.assertEqual(self.faults(), ["tokensource/more.so: is machine code, which does not belong here"])

    def test_what_is_made_is_refused(self) -> None:
        self.content["tokensource/__pycache__/errors.pyc"] = b""
        self.assertEqual(self.faults(), ["tokensource/__pycache__/errors.pyc: is made, and does not belong here"])

    def test_a_file_of_no_known_kind_is_refused(self) -> None:
        self.assertEqual(self.faults("other.whl"), ["is of no kind that is known here"])


unittest.main()
