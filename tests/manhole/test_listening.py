"""The socket in the file system."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.manhole.listening import Hole, accept


class HoleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.path = f"{self.folder}/site.hole"

    def test_mode(self) -> None:
        """Only the owner may connect."""
        hole = Hole(self.path)
        self.addCleanup(hole.close)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertIsNone(accept(hole.socket))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path)
            connection = accept(hole.socket)
            assert connection is not None
            self.assertFalse(connection.getblocking())
            connection.close()

    def test_the_end(self) -> None:
        """Its file goes with it, but not that of a successor."""
        first = Hole(self.path)
        second = Hole(self.path)
        first.close()
        self.assertTrue(os.path.exists(self.path))
        second.close()
        self.assertFalse(os.path.exists(self.path))

    def test_what_stands_in_the_way(self) -> None:
        """A file that is no socket stays; a directory that is missing or closed is named."""
        with open(self.path, "w"):
            pass
        error = self.assertRaises(KernelError, Hole, self.path)
        self.assertIn("exists and is no socket", str(error))
        self.assertTrue(os.path.exists(self.path))
        error = self.assertRaises(KernelError, Hole, f"{self.folder}/none/site.hole")
        self.assertIn(f"make the directory {self.folder}/none first", str(error))

        def refuse(path: str, mode: int) -> None:
            raise PermissionError(13, "Permission denied")

        self.patch(os, "chmod", refuse)
        error = self.assertRaises(KernelError, Hole, f"{self.folder}/b.hole")
        self.assertIn(f"has to be able to write to {self.folder}", str(error))
