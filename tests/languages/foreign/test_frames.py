"""Tests of uwsgid.languages.foreign.frames."""

from __future__ import annotations

from struct import unpack

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.languages.foreign.frames import (
    BridgeError,
    FrameReader,
    counted,
    frame,
    read_counted,
    read_head,
    request_frame,
)


def request_of(data: bytes) -> tuple[tuple[int, ...], dict[str, str], bytes]:
    """What a request frame says: its numbers, its variables, the start of its body."""
    letter, size, turn, flags, application, length, *sizes = unpack("<cIBBIqII", data[:27])
    assert letter == b"q" and size == len(data) - 5
    rest = data[27:]
    lists = []
    for count in sizes:
        block, rest = rest[:count], rest[count + 1 :]
        texts = read_counted(block) if flags & 4 else block.split(b"\0")
        lists.append([text.decode("latin-1") for text in texts])
    names, values = lists
    return (turn, flags, application, length), dict(zip(names, values, strict=True)), rest


class RequestTests(SynchronousTestCase):
    """What a worker says."""

    def test_request(self) -> None:
        """A request carries its variables and what arrived of its body."""
        vars = {"REQUEST_METHOD": "POST", "HTTP_X": "\xfc", "EMPTY": ""}
        self.assertEqual(request_of(request_frame(7, 2, vars, 5, b"abc")), ((7, 0, 2, 5), vars, b"abc"))

    def test_complete(self) -> None:
        """A body that is all there is marked, and so is one whose length nobody knows."""
        self.assertEqual(request_of(request_frame(1, 0, {"A": "b"}, 3, b"abc"))[0], (1, 1, 0, 3))
        self.assertEqual(request_of(request_frame(1, 0, {"A": "b"}, None, b""))[0], (1, 2, 0, -1))

    def test_variables_of_python(self) -> None:
        """What belongs to Python's gateway interface stays."""
        vars = {"wsgi.version": (1, 0), "wsgi.url_scheme": "http", "uwsgi.node": b"x", "A": "b"}
        self.assertEqual(request_of(request_frame(1, 0, vars, 0, b""))[1], {"A": "b"})

    def test_nul(self) -> None:
        """A NUL in a value makes no pair of its own."""
        vars = {"A": "b\0HTTP_EVIL\0yes", "C": "d"}
        numbers, pairs, _ = request_of(request_frame(1, 0, vars, 0, b""))
        self.assertEqual((numbers[1], pairs), (5, vars))

    def test_no_variables(self) -> None:
        """A request without variables is one, and so is one whose only variable is empty."""
        for vars in ({}, {"A": ""}, {"": "b"}):
            self.assertEqual(request_of(request_frame(1, 0, vars, 0, b""))[1], vars)

    @settings(deadline=None, max_examples=60)
    @given(
        st.dictionaries(
            st.text(st.characters(max_codepoint=255), min_size=1), st.text(st.characters(max_codepoint=255))
        ),
        st.binary(max_size=20),
    )
    def test_any_variables(self, vars: dict[str, str], body: bytes) -> None:
        """Whatever the variables are, they arrive as they were."""
        vars = {name: value for name, value in vars.items() if not name.startswith(("wsgi.", "uwsgi."))}
        self.assertEqual(request_of(request_frame(1, 0, vars, len(body), body))[1:], (vars, body))


class ReaderTests(SynchronousTestCase):
    """What an interpreter says."""

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 20))
    def test_any_slicing(self, payloads: list[bytes], size: int) -> None:
        """Frames mean the same however they are cut."""
        stream = b"".join(frame(b"b", payload) for payload in payloads)
        reader, found = FrameReader(b"bw"), []
        for at in range(0, len(stream), size):
            reader.feed(stream[at : at + size])
            while (heard := reader.next()) is not None:
                found.append(heard)
        self.assertEqual(found, [(ord("b"), payload) for payload in payloads])
        self.assertTrue(reader.idle)

    def test_junk(self) -> None:
        """A letter that means nothing, or a length that nothing has, is an error, and stays one."""
        for junk in (b"junk", b"b\xff\xff\xff\xff", b"\0"):
            reader = FrameReader(b"b")
            reader.feed(junk)
            for _ in range(2):
                with self.assertRaisesRegex(BridgeError, "junk in place of an answer"):
                    reader.next()

    def test_lists(self) -> None:
        """Counted lists hold any bytes; one that is cut is an error."""
        items = [b"", b"a\0b", b"c" * 300]
        self.assertEqual(read_counted(counted(items)), items)
        for cut in (1, 3, 10):
            with self.assertRaises(BridgeError):
                read_counted(counted(items)[:-cut])
        with self.assertRaises(BridgeError):
            read_counted(b"\1\0")

    def test_heads(self) -> None:
        """A head is a status and pairs; an odd one is an error."""
        self.assertEqual(read_head(b"200 OK\0A\0b\0A\0"), ("200 OK", [("A", "b"), ("A", "")]))
        self.assertEqual(read_head(b"204"), ("204", []))
        with self.assertRaises(BridgeError):
            read_head(b"200\0A")
