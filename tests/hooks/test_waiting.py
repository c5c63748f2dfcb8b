"""Actions that wait for something."""

from __future__ import annotations

import errno
import stat

from twisted.trial.unittest import SynchronousTestCase

from tests.hooks.support import Stage
from uwsgid.hooks.options import parse_action


class WaitingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage("wait-for-fs-timeout = 1\nwait-for-socket-timeout = 1")
        self.kernel = self.stage.kernel

    def test_there(self) -> None:
        """What is there needs no wait and no word."""
        self.kernel.add_file("/x")
        self.kernel.add_file("/d", mode=stat.S_IFDIR | 0o755)
        for text in ("wait_for_fs:/x", "wait_for_file:/x", "wait_for_dir:/d", "wait_for_fs:/d"):
            self.assertEqual(self.stage.do(text), "")
        self.assertEqual((self.stage.slept, self.stage.said), ([], []))

    def test_coming(self) -> None:
        """What comes in time ends the wait."""

        def come() -> None:
            self.kernel.add_file("/x")

        self.stage.while_asleep = come
        self.assertEqual(self.stage.do("wait_for_file:/x"), "")
        self.assertEqual(len(self.stage.slept), 1)
        self.assertEqual(self.stage.said, ["waiting for /x (max 1 seconds) ..."])

    def test_never(self) -> None:
        """What does not come is a failure, after the time that the option says."""
        self.assertEqual(
            self.stage.do("wait_for_fs:/x"),
            "wait_for_fs: /x unavailable after 1 seconds: No such file or directory",
        )
        self.assertAlmostEqual(sum(self.stage.slept), 1)

    def test_another_kind(self) -> None:
        """A directory is no regular file, and the other way round."""
        self.kernel.add_file("/x")
        self.kernel.add_file("/d", mode=stat.S_IFDIR | 0o755)
        self.assertIn("it is not a regular file", self.stage.do("wait_for_file:/d"))
        self.assertIn("it is not a directory", self.stage.do("wait_for_dir:/x"))

    def test_private(self) -> None:
        """A private wait tells no path."""
        self.assertNotIn("secret", self.stage.do("!wait_for_fs:/secret"))
        self.assertEqual(self.stage.said, ["waiting for something private (max 1 seconds) ..."])

    def test_socket(self) -> None:
        """A socket is there when a connection succeeds."""
        self.kernel.fail("connect", errno.ECONNREFUSED)
        self.assertEqual(self.stage.do("wait_for_socket:127.0.0.1:3031"), "")
        self.assertEqual(self.stage.said, ["waiting for socket 127.0.0.1:3031 (max 1 seconds) ..."])
        self.kernel.fail("connect", errno.ENOENT, 100)
        self.assertEqual(
            self.stage.do("wait_for_socket:/run/x"),
            "wait_for_socket: socket /run/x unavailable after 1 seconds: No such file or directory",
        )
        self.assertEqual(self.kernel.descriptors, {})

    def test_slow_socket(self) -> None:
        """A connection that takes its time is not waited for by the process, and begun once only."""
        for number in (errno.EINPROGRESS, errno.EALREADY, errno.EISCONN):
            self.kernel.fail("connect", number)
        self.assertEqual(self.stage.do("wait_for_socket:192.0.2.1:3031"), "")
        self.assertEqual(len(self.stage.slept), 2)
        self.assertEqual(self.kernel.descriptors, {})
        self.kernel.fail("connect", errno.EALREADY, 100)
        self.assertIn("unavailable after 1 seconds", self.stage.do("wait_for_socket:192.0.2.1:3031"))
        self.assertEqual(self.kernel.descriptors, {})

    def test_mistakes(self) -> None:
        """A path or an address is needed, and one that can be connected to."""
        for text in ("wait_for_fs:", "wait_for_file:/a b", "wait_for_socket:=0", "wait_for_socket:127.*:1"):
            self.assertRaises(ValueError, parse_action, text)
