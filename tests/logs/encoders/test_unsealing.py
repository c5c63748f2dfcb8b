"""Sealed records read again, whole and damaged."""

from __future__ import annotations

import base64
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs.encoders.sealed import make_key
from uwsgid.logs.encoders.sealing import Sealer
from uwsgid.logs.encoders.unsealing import Fault, Opened, Unsealer

SECRET: Final = bytes.fromhex("8f1d7ac03be6925418f0c47d6b2ea9135fd8037b91e64c2ab07f15d3894ee260")
KEY: Final = make_key(SECRET, "it")
OTHER: Final = make_key(SECRET[::-1], "another")


def sealed(*records: bytes, key: bytes = SECRET, session: bytes = b"s" * 16) -> list[bytes]:
    """Records of one session."""
    seal = Sealer(make_key(key, "it"), 1, lambda size: session)
    return [seal(record) for record in records]


def texts(parts: list[bytes]) -> list[bytes]:
    """The same as lines."""
    return [base64.b64encode(part) + b"\n" for part in parts]


def read(data: bytes, size: int = 1 << 20, *keys: bytes) -> tuple[list[bytes], list[str]]:
    """What is in *data*: records, and what was wrong."""
    unsealer = Unsealer([make_key(key, "it") for key in keys or (SECRET,)])
    found = [said for at in range(0, len(data), size) for said in unsealer.feed(data[at : at + size])]
    found += unsealer.finish()
    return (
        [said.record for said in found if isinstance(said, Opened)],
        [said.text for said in found if isinstance(said, Fault)],
    )


RECORDS: Final = [b"one\n", b"", b"three\n", b"4" * 300]


class WholeTests(SynchronousTestCase):
    """What nobody touched."""

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(st.binary(max_size=60), max_size=6),
        st.integers(1, 200),
        st.booleans(),
        st.sampled_from([b"", b"\n", b"\r\n"]),
    )
    def test_any_records(self, records: list[bytes], size: int, text: bool, between: bytes) -> None:
        """All records are read, however the log is cut into pieces, and with newlines between them."""
        parts = sealed(*records)
        data = b"".join(part + between for part in (texts(parts) if text else parts))
        self.assertEqual(read(data, size), (records, []))

    def test_nothing(self) -> None:
        """An empty log is fine."""
        self.assertEqual(read(b""), ([], []))

    def test_behind_syslog(self) -> None:
        """Where syslog put something before the text of a record, the record is found."""
        lines = [b"Nov 21 18:19:57 web1 uwsgi: " + line for line in texts(sealed(*RECORDS))]
        self.assertEqual(read(b"".join(lines), 10), (RECORDS, []))

    def test_two_keys(self) -> None:
        """A log in which the key changed is read with both."""
        data = b"".join(sealed(b"old\n") + sealed(b"new\n", key=SECRET[::-1]))
        self.assertEqual(read(data, 7, SECRET, SECRET[::-1]), ([b"old\n", b"new\n"], []))

    def test_missing_key(self) -> None:
        """Without one of them its records are told, with the name of the key, and the others read."""
        parts = sealed(b"a", b"b")
        parts += sealed(b"other", b"another", key=SECRET[::-1]) + sealed(b"c", session=b"t" * 16)
        for form in (parts, texts(parts)):
            start, end = len(b"".join(form[:2])), len(b"".join(form[:4]))
            why = f"bytes {start} to {end - 1} are sealed with another key, {OTHER.id.hex()}, or damaged"
            for size in (1, 20, 1000):
                self.assertEqual(read(b"".join(form), size), ([b"a", b"b", b"c"], [why]))
            self.assertEqual(len(read(b"".join(form[2:4]))[1]), 1)


class DamageTests(SynchronousTestCase):
    """What somebody touched."""

    def test_any_byte(self) -> None:
        """Whichever byte of a record is changed, that record is not given out, and all others are."""
        parts = sealed(*RECORDS)
        for text in (False, True):
            form = texts(parts) if text else parts
            for at in range(len(form[1]) - text):
                changed = bytearray(form[1])
                changed[at] ^= 1
                records, faults = read(b"".join([form[0], bytes(changed), *form[2:]]))
                self.assertEqual(records, [RECORDS[0], *RECORDS[2:]], (text, at))
                self.assertTrue(faults[-1].endswith("record 1 is missing"), (text, at, faults))

    def test_cut_off(self) -> None:
        """A log that was cut in a record says so, and the records before it are read."""
        parts = sealed(*RECORDS)
        whole = len(b"".join(parts[:2]))
        data = b"".join(parts)
        for end in (whole + 1, whole + 20, whole + 40):
            self.assertEqual(
                read(data[:end], 11),
                (RECORDS[:2], [f"bytes {whole} to {end - 1} are no sealed records, or damaged ones"]),
            )

    def test_cut_in_the_middle(self) -> None:
        """Reading goes on with the next whole record, though one promised more than there was."""
        parts = sealed(*RECORDS)
        for end in (1, 20, 41):
            records, faults = read(parts[0] + parts[1][:end] + parts[2] + parts[3], 13)
            self.assertEqual(records, [RECORDS[0], *RECORDS[2:]], end)
            self.assertEqual(len(faults), 2)

    def test_other_lines(self) -> None:
        """Lines that were never sealed are told, with their place, and what is sealed is read."""
        line = b"[uWSGI] getting INI configuration from site.ini\n"
        for form in (sealed(*RECORDS), texts(sealed(*RECORDS))):
            for size in (1, 50, 10_000):
                records, faults = read(line + line + b"".join(form) + b"bye", size)
                self.assertEqual(records, RECORDS)
                end = len(line) * 2 + len(b"".join(form))
                self.assertEqual(
                    [fault.partition(" are")[0] for fault in faults],
                    [f"bytes 0 to {2 * len(line) - 1}", f"bytes {end} to {end + 2}"],
                )

    def test_missing(self) -> None:
        """Records that were taken out of a session are told."""
        parts = sealed(*(b"%d" % at for at in range(10)))
        del parts[5:8]
        del parts[2]
        session = (b"s" * 16).hex()[:8]
        self.assertEqual(
            read(b"".join(parts))[1],
            [f"session {session}: record 2 is missing", f"session {session}: records 5 to 7 are missing"],
        )

    def test_again(self) -> None:
        """A record that comes again is told, and not given out."""
        parts = sealed(b"a", b"b")
        records, faults = read(parts[0] + parts[1] + parts[0])
        self.assertEqual(records, [b"a", b"b"])
        self.assertRegex(faults[0], "record 0 of session 73737373 is there again")

    @settings(deadline=None, max_examples=50)
    @given(st.permutations(range(7)))
    def test_any_order(self, order: list[int]) -> None:
        """In another order, as UDP may have it, nothing is missing, and records come as they came."""
        parts = sealed(*(b"%d" % at for at in range(7)))
        found = read(b"".join(parts[at] for at in order))
        self.assertEqual(found, ([b"%d" % at for at in order], []))

    def test_moved_into_another_session(self) -> None:
        """A record does not pass for one of another session, nor under another number."""
        part = sealed(b"record")[0]
        for start, end in ((14, 30), (30, 38)):
            moved = part[:start] + bytes(end - start - 1) + b"\7" + part[end:]
            self.assertEqual(read(moved)[0], [])

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=300), st.integers(1, 50))
    def test_any_bytes(self, data: bytes, size: int) -> None:
        """Whatever stands between two records, both are read."""
        first, last = sealed(b"first", b"last")
        records, faults = read(first + data + last, size)
        self.assertEqual(records[0], b"first")
        self.assertEqual(records[-1], b"last")
        self.assertEqual(bool(faults), bool(data.strip(b" \t\r\n")))
