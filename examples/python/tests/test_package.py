"""What is installed: the package, its metadata, and that it is of one piece with the library and its header."""

import ctypes
import importlib.metadata
import os
import pathlib
import re
import unittest

import itnio

HEADER = pathlib.Path(__file__).resolve().parents[3] / "include" / "itnio.h"


class PackageTest(unittest.TestCase):
    def test_the_installed_package_is_what_is_tested(self):
        installed = os.environ.get("ITNIO_PACKAGE")
        if installed is None:
            self.skipTest("not from the Makefile")
        package = pathlib.Path(itnio.__file__)
        self.assertTrue(package.is_relative_to(installed), package)
        self.assertTrue((package.parent / "py.typed").exists())
        files = {pathlib.Path(file).name for file in importlib.metadata.files("itnio")}
        self.assertLessEqual({"LICENSE-APACHE", "LICENSE-MIT", "py.typed"}, files)
        # Neither the tests nor anything else is.
        folders = {pathlib.Path(file).parts[0] for file in importlib.metadata.files("itnio")}
        self.assertEqual(folders, {"itnio", f"itnio-{itnio.__version__}.dist-info"})

    def test_version_is_that_of_the_library_and_the_metadata(self):
        itnio._library.itnio_version.restype = ctypes.c_char_p
        self.assertEqual(itnio._library.itnio_version().decode(), itnio.__version__)
        self.assertEqual(importlib.metadata.version("itnio"), itnio.__version__)

    def test_results_are_those_of_the_header(self):
        results = {name: int(number) for name, number in
                   re.findall(r"^  ITNIO_([A-Z_]+) = (\d+),$", self.header(), re.M)}
        self.assertGreaterEqual(len(results), 16)
        self.assertEqual({name: value for name, value in vars(itnio).items()
                          if name.isupper() and isinstance(value, int) and not name.startswith("_")}, results)

    def test_records_have_the_fields_of_the_header(self):
        body = re.search(r"^typedef struct itnio_record \{$(.*?)^\} itnio_record;$", self.header(), re.M | re.S)
        kinds = {"const char *": ctypes.c_char_p, "int64_t ": ctypes.c_int64, "int32_t ": ctypes.c_int32}
        fields = [(name, kinds[kind]) for kind, name in
                  re.findall(r"^  (const char \*|int64_t |int32_t )(\w+);$", body.group(1), re.M)]
        self.assertEqual(itnio._Record._fields_, fields)
        self.assertEqual(itnio.Record._fields, tuple(name for name, _ in fields))

    def header(self):
        if not HEADER.exists():
            self.skipTest("not in the repository")
        return HEADER.read_text()


if __name__ == "__main__":
    unittest.main()
