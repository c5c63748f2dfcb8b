"""What a configuration says to the emperor."""

from __future__ import annotations

import os
import tempfile

from tests.emperor.support import EmperorCase
from uwsgid.emperor.attributes import attributes_of, parse


class Attributes(EmperorCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.path = os.path.join(self.folder, "a.ini")
        self.addCleanup(os.rmdir, self.folder)

    def test_section(self) -> None:
        """The section [emperor] alone counts, without any expansion; the last of a key wins."""
        text = "[uwsgi]\nwrapper = no\n[emperor]\n; wrapper = x\nwrapper = $(HOME)\n wrapper=/bin/w \nodd\n"
        text += "=none\n[x]\nwrapper = y"
        self.assertEqual(parse(text), {"wrapper": "/bin/w"})
        self.assertEqual(parse("[emperor]\nx = %(y)"), {"x": "%(y)"})

    def test_files(self) -> None:
        """What is no regular file is not read, and nobody waits for it."""
        self.assertEqual(attributes_of(self.path), {})
        os.mkfifo(self.path)
        self.addCleanup(os.unlink, self.path)
        self.assertEqual(attributes_of(self.path), {})

    def test_starts(self) -> None:
        """The program and the directory of a vassal are those of the keys that the options name."""
        with open(self.path, "w") as file:
            file.write("[emperor]\nprogram = /bin/own\nhome = /srv\n")
        self.addCleanup(os.unlink, self.path)
        self.begin("emperor-wrapper-attr = program\nemperor-chdir-attr = home")
        self.monitor.cwd = self.folder
        self.monitor.put("a.ini")
        self.look()
        start = self.nest.orders[0].start
        self.assertEqual((start.program, start.home, start.cwd), ("/bin/own", "/srv", self.folder))
