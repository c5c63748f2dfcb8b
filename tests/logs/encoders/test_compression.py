"""gzip, compress and zstd."""

from __future__ import annotations

import gzip as standard_gzip
import io
import subprocess
import sys
import zlib
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.logs.encoders.compression import compress, gzip, zstd

RECORDS = [b"", b"x", b"line\n", b"ab" * 511, b"y" * 1024, bytes(range(256)) * 32, b"z" * 100_000]


def unzstd(data: bytes) -> bytes:
    """All frames of *data*, one after the other."""
    if sys.version_info >= (3, 14):
        from compression import zstd as standard

        return bytes(standard.decompress(data))
    import zstandard

    reader: Any = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True)
    return bytes(reader.read())


class CompressionTests(SynchronousTestCase):
    """What is made of records can be read again."""

    def test_gzip_of_two_records_is_two_members(self) -> None:
        """Each record is a member of its own, and a reader of gzip gets all of them."""
        encode = gzip("")
        members = [encode(record) for record in RECORDS]
        for member, record in zip(members, RECORDS, strict=True):
            reader = zlib.decompressobj(31)
            self.assertEqual(reader.decompress(member), record)
            self.assertEqual((reader.eof, reader.unused_data), (True, b""))
        self.assertEqual(standard_gzip.decompress(b"".join(members)), b"".join(RECORDS))

    def test_gunzip(self) -> None:
        """The program of that name reads what was appended to a file."""
        encode = gzip("")
        data = b"".join(map(encode, RECORDS))
        found = subprocess.run(["gzip", "-dc"], input=data, capture_output=True, timeout=60)
        self.assertEqual((found.stdout, found.returncode), (b"".join(RECORDS), 0))

    def test_header(self) -> None:
        """The header of gzip has neither a name nor a time, as that of uWSGI."""
        self.assertEqual(gzip("")(b"line")[:8], b"\x1f\x8b\x08\0\0\0\0\0")

    def test_compress(self) -> None:
        """Each record is a zlib stream."""
        encode = compress("")
        for record in RECORDS:
            self.assertEqual(zlib.decompress(encode(record)), record)

    def test_usual_head(self) -> None:
        """Whoever looks at the first bytes of a stream finds those that zlib usually makes."""
        for record in RECORDS:
            self.assertEqual(compress("")(record)[:2], zlib.compress(record)[:2])

    def test_zstd(self) -> None:
        """Each record is a frame, and frames can follow each other."""
        encode = zstd("")
        frames = [encode(record) for record in RECORDS]
        self.assertEqual([unzstd(frame) for frame in frames], RECORDS)
        self.assertEqual(unzstd(b"".join(frames)), b"".join(RECORDS))

    def test_levels(self) -> None:
        """A higher level does not make more of it, and all can be read."""
        record = b"".join(b"GET /%d => %d\n" % (at, at * at % 997) for at in range(500))
        for make, read, highest in ((gzip, standard_gzip.decompress, 9), (compress, zlib.decompress, 9)):
            made = [make(str(level))(record) for level in range(1, highest + 1)]
            self.assertEqual([read(data) for data in made], [record] * highest)
            self.assertLess(len(made[-1]), len(made[0]))
        made = [zstd(level)(record) for level in ("1", "19")]
        self.assertEqual([unzstd(data) for data in made], [record] * 2)
        self.assertLess(len(made[1]), len(made[0]))

    def test_bad_levels(self) -> None:
        """What is no level is refused, with what is one."""
        for make, name, text in (
            (gzip, "gzip", "10"),
            (gzip, "gzip", "0"),
            (gzip, "gzip", "-1"),
            (compress, "compress", "best"),
            (zstd, "zstd", "20"),
            (zstd, "zstd", "²"),
        ):
            with self.assertRaisesRegex(ConfigError, rf"^{name}: expected a level from 1 to \d+ or nothing"):
                make(text)

    def test_without_zstandard(self) -> None:
        """Where there is no zstd the error says what to install."""
        if sys.version_info >= (3, 14):
            return
        with patch.dict(sys.modules, {"zstandard": None}), self.assertRaisesRegex(ConfigError, "pip install"):
            zstd("")

    @settings(deadline=None, max_examples=60)
    @given(
        st.one_of(st.binary(max_size=200), st.binary(min_size=1, max_size=40).map(lambda data: data * 300))
    )
    def test_any_record(self, record: bytes) -> None:
        """Any record comes back from each of them."""
        self.assertEqual(standard_gzip.decompress(gzip("")(record)), record)
        self.assertEqual(zlib.decompress(compress("")(record)), record)
        self.assertEqual(unzstd(zstd("")(record)), record)
