"""Tests of uwsgid.languages.foreign.calls."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.languages.foreign.calls import Calls
from uwsgid.languages.foreign.frames import counted
from uwsgid.languages.python import api  # noqa: F401 - it registers the functions
from uwsgid.languages.python.context import here


class CallsTests(SynchronousTestCase):
    """What comes back."""

    def call(self, name: str, *arguments: bytes) -> bytes:
        return Calls().answer(counted([name.encode(), *arguments]))

    def test_kinds(self) -> None:
        """Numbers, texts, lists and nothing arrive as what they are."""
        self.assertEqual(self.call("worker_id"), b"\x040")
        self.assertEqual(self.call("i_am_the_spooler"), b"\0")
        self.assertEqual(self.call("mem")[0], 2)
        said: list[str] = []
        self.patch(here, "say", said.append)
        self.assertEqual(self.call("log", b"caf\xc3\xa9"), b"\x041")
        self.assertEqual(said, ["caf\xe9"])

    def test_numbers(self) -> None:
        """What a function takes as a number becomes one."""
        answer = self.call("lock", b"no number")
        self.assertEqual(answer[0], 3)
        self.assertIn(b"ValueError", answer)
        self.assertEqual(self.call("is_locked", b"99")[0], 3)

    def test_errors(self) -> None:
        """What does not exist, is not built, or would be another process's business says so."""
        self.assertEqual(self.call("nonsense"), b"\x03there is no function nonsense here")
        self.assertIn(b"uwsgid does not have the cache yet", self.call("cache_get", b"a"))
        self.assertEqual(self.call("connection_fd")[0], 3)
        self.assertEqual(Calls().answer(b"\xff\xff")[0], 3)
        self.assertEqual(self.call("request_id")[0], 3)
