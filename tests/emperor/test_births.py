"""What the nest is told about those who are to be born."""

from __future__ import annotations

import os
import socket

from tests.emperor.support import EmperorCase


class BirthTests(EmperorCase):
    def test_magic_exec(self) -> None:
        """A configuration that can be executed is run for its text."""
        self.begin("emperor-magic-exec = true")
        self.monitor.cwd = self.mktemp()
        os.mkdir(self.monitor.cwd)
        for name, mode in (("a.ini", 0o755), ("b.ini", 0o644)):
            path = os.path.join(self.monitor.cwd, name)
            with open(path, "w"):
                os.chmod(path, mode)
            self.monitor.put(name)
        self.look()
        words = {order.start.argv for order in self.nest.orders}
        self.assertIn(("--ini", "exec://a.ini"), words)
        # root may read what nobody may execute
        self.assertIn(("--ini", "b.ini"), words)

    def test_variables(self) -> None:
        """Where hooks are to be run, vassals know where they are."""
        vassal = self.one("vassals-start-hook = /bin/true")
        self.assertEqual(vassal.start.environ, {"UWSGI_VASSALS_DIR": "/etc/vassals"})

    def test_namespaces(self) -> None:
        """Words of emperor-use-clone are flags of the start."""
        vassal = self.one("emperor-use-clone = pid,net")
        self.assertEqual(vassal.start.namespaces, 0x20000000 | 0x40000000)

    def test_no_descriptors(self) -> None:
        """Without descriptors a vassal is not born, and is tried again later."""
        self.begin()
        self.monitor.put("a.ini")

        def refuse() -> None:
            raise OSError(24, "Too many open files")

        self.patch(socket, "socketpair", refuse)
        self.look()
        self.assertEqual(self.names, [])
        self.assertLogged("socketpair(): Too many open files [a.ini]")
