"""The doors of the master, which open and close with it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile

from tests.master.whole import MasterCase
from uwsgid.errors import UwsgidError
from uwsgid.supervise.hatch import guest_at


class ManholeTests(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.path = f"{folder}/site.hole"

    def test_off(self) -> None:
        """Without the option there is nothing."""
        self.serve()
        self.assertIsNone(self.master._manhole)

    def test_a_life(self) -> None:
        """The socket is there while the master is, and what dead workers left goes with it."""
        self.build(f"processes = 2\nmanhole = unix:{self.path}\nmanhole-workers = true")
        self.assertFalse(os.path.exists(self.path))
        self.master.startService()
        self.run_for(0.1)
        self.assertTrue(os.path.exists(self.path))
        self.assertLogged(f"manhole at unix:{self.path}")
        left = socket.socket(socket.AF_UNIX)
        self.addCleanup(left.close)
        left.bind(f"{self.path}.worker2")
        self.master.stop()
        self.run_for(3)
        self.assertEqual(self.codes, [0])
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_where_it_can_not_be(self) -> None:
        """An instance whose manhole can not be opened does not start, and says why."""
        with open(self.path, "w"):
            pass
        self.serve(f"manhole = unix:{self.path}")
        self.run_for(3)
        self.assertEqual(self.codes, [1])
        self.assertLogged("exists and is no socket")

    def test_workers_by_ssh(self) -> None:
        """Who asks for a worker by ssh is handed to the process that serves, or told why there is none."""
        self.build(
            "processes = 2\nmanhole = ssh:127.0.0.1:2222\nmanhole-keys = /keys\nmanhole-host-key = /key\n"
            "manhole-workers = true"
        )
        manhole = self.master._manhole
        self.patch(manhole._doors[0], "open", lambda: None)
        (reach,) = [door.reach for door in manhole._doors]
        self.assertRaisesRegex(UwsgidError, "worker 2 does not serve now", reach, 2, "ssh:here alice")
        self.master.startService()
        self.run_for(0.1)
        born = self.nursery.worker(2)
        assert born.hatch is not None
        with reach(2, "ssh:here alice"):
            found = guest_at(born.hatch)
            assert found is not None
            self.addCleanup(found[1].close)
            self.assertEqual(found[0], "ssh:here alice")
        for slot in (3, 99):
            self.assertRaisesRegex(UwsgidError, f"workers 1 to 2, and no {slot}", reach, slot, "")
        born.hatch.close()
        self.assertRaisesRegex(UwsgidError, "worker 2: it takes nobody", reach, 2, "ssh:here alice")

    def test_a_new_image(self) -> None:
        """Sessions are told that they may come back."""
        self.serve(f"manhole = unix:{self.path}")
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(30)
        client.connect(self.path)
        (door,) = self.master._manhole._doors
        door.doRead()
        self.master.start_anew()
        self.run_to_exec()
        self.assertEqual(len(self.executed), 1)
        self.assertIn(b"becomes a new process image; come back", client.recv(1000))
        self.assertFalse(os.path.exists(self.path))
