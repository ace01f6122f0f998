"""Tests that check.py finds each kind of fault: usage: test_check.py TARGET, with the wheel and the library in it."""

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

    def test_the_wheel_has_no_fault(self) -> None:
        self.assertEqual(self.faults(), [])

    def test_a_plain_build_is_refused_because_it_needs_a_newer_glibc(self) -> None:
        self.content[LIBRARY] = (TARGET / "release/libtokensource.so").read_bytes()
        self.assertRegex("\n".join(self.faults()), rf"(?m)^{LIBRARY}: needs GLIBC_2\.\d+$")

    def test_a_package_without_the_library_is_refused(self) -> None:
        del self.content[LIBRARY]
        self.assertEqual(self.faults(), [f"has no {LIBRARY}"])

    def test_a_library_that_is_not_machine_code_is_refused(self) -> None:
        self.content[LIBRARY] = b"no library"
        self.assertEqual(self.faults(), [f"{LIBRARY}: is not machine code"])

    def test_a_library_with_a_path_of_the_build_machine_is_refused(self) -> None:
        self.content[LIBRARY] += b"/home/somebody/tokensource/src/lib.rs"
        self.assertEqual(self.faults(), [f"{LIBRARY}: contains a path of the build machine, /home/"])

    def test_a_package_without_a_bill_of_materials_is_refused(self) -> None:
        del self.content[self.sbom]
        self.assertEqual(self.faults(), ["has no */tokensource.cdx.json"])

    def test_machine_code_in_another_member_is_refused(self) -> None:
        self.content["tokensource/more.so"] = self.content[LIBRARY]
        self.assertEqual(self.faults(), ["tokensource/more.so: is machine code, which does not belong here"])

    def test_a_leftover_of_a_build_is_refused(self) -> None:
        self.content["tokensource/__pycache__/errors.pyc"] = b""
        self.assertEqual(self.faults(), ["tokensource/__pycache__/errors.pyc: is left over from a build or a test"])

    def test_a_file_without_a_known_kind_is_refused(self) -> None:
        self.assertEqual(self.faults("other.whl"), ["has no known kind"])


unittest.main()
