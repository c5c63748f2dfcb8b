"""Tests that move descriptors 1 and 2 do it in a child."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import Settings, settings_of


class ElsewhereCase(SynchronousTestCase):
    """A test with a folder, a log file in it, and children to do things in."""

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "site.log")

    def settings(self, *lines: str) -> Settings:
        return settings_of("\n".join(lines))

    def elsewhere(self, task: Callable[[], None]) -> None:
        """Run *task* in a child whose descriptors 1 and 2 are its own."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                silent = os.open(os.path.join(self.folder, "stderr"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(silent, 1)
                os.dup2(silent, 2)
                task()
                code = 0
            except BaseException:
                with open(os.path.join(self.folder, "failure"), "w") as file:
                    traceback.print_exc(file=file)
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        if status:
            with open(os.path.join(self.folder, "failure")) as file:
                self.fail(file.read())

    def kept(self, name: str = "site.log") -> str:
        with open(os.path.join(self.folder, name)) as file:
            return file.read()
