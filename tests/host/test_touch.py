"""Touching files."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.touch import Touch, Touches
from uwsgid.testing import MemoryKernel


class Rules(SynchronousTestCase):
    """What an event is."""

    def test_growing_time(self) -> None:
        """Only a later time fires, and only once."""
        touch = Touch("f", 10.0)
        self.assertEqual([touch.see(time) for time in (10.0, 11.0, 11.0)], [False, True, False])

    def test_older_file_as_in_1_9_16(self) -> None:
        """An older file in its place is no touch."""
        touch = Touch("f", 10.0)
        self.assertEqual([touch.see(time) for time in (5.0, 10.0, 10.5)], [False, False, True])

    def test_coming_and_going(self) -> None:
        """Appearing fires, vanishing fires, staying away does not."""
        touch = Touch("f", None)
        self.assertEqual(
            [touch.see(time) for time in (None, 1.0, 1.0, None, None, 1.0)],
            [False, True, False, True, False, True],
        )


class Files(SynchronousTestCase):
    """The files of one option."""

    def test_paths(self) -> None:
        """Missing files are told once; touched ones come in the order of the configuration."""
        kernel, said = MemoryKernel(), list[str]()
        kernel.add_file("/a").mtime = 1.0
        touches = Touches(kernel, ("/b", "/a"), said.append)
        self.assertEqual(
            said, ["unable to stat() /b, events will be triggered as soon as the file is created"]
        )
        self.assertEqual((len(touches), touches.touched()), (2, []))
        kernel.files["/a"].mtime = 2.0
        kernel.add_file("/b")
        self.assertEqual(touches.touched(), ["/b", "/a"])
        self.assertEqual(touches.touched(), [])
