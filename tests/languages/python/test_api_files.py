"""Tests of `uwsgid.languages.python.api_files`."""

from __future__ import annotations

from tests.languages.python.serving import ServerCase
from uwsgid.languages.python import api_files
from uwsgid.wire.uwsgi import packet


class FileTests(ServerCase):
    def test_a_packet_in_a_file(self) -> None:
        """Its variables come as text; what follows the packet is left alone."""
        path = self.folder / "job"
        path.write_bytes(packet(17, {"a": "1", "b": ""}) + b"the body")
        self.assertEqual(api_files.parsefile(str(path)), {"a": "1", "b": ""})

    def test_what_is_no_packet(self) -> None:
        """None, and a line in the log that says why."""
        path = self.folder / "job"
        for data in (b"", b"\x11\xff\x00\x00short", b"\x11\x03\x00\x00abc"):
            path.write_bytes(data)
            self.assertIsNone(api_files.parsefile(str(path).encode()))
        self.assertIsNone(api_files.parsefile("/no/such"))
        self.assertEqual(len(self.said), 4)
        self.assertIn("cut", self.said[0])

    def test_extract(self) -> None:
        """The bytes of a path; None where there is nothing, and a line in the log."""
        self.assertEqual(api_files.extract(self.write("x", "data")), b"data")
        self.assertIsNone(api_files.extract(f"{self.folder}/none"))
        self.assertIn("uwsgi.extract(", self.said[0])
