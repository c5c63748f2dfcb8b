"""Tests of uwsgid.languages.foreign.mother, with interpreters that are a few lines of Python."""

from __future__ import annotations

import os
import select
import sys
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.languages.foreign.frames import BridgeError, counted, read_counted
from uwsgid.languages.foreign.mother import Loaded, Mother, NoInterpreter, Recipe

#: What all of them begin with.
START: Final = """
import os, socket, struct, sys, time
life = socket.socket(fileno=int(os.environ["UWSGID_LIFELINE_FD"]))
door = socket.socket(fileno=int(os.environ["UWSGID_BRIDGE_FD"]))
def say(line, letter, payload=b""):
    line.sendall(struct.pack("<cI", letter, len(payload)) + payload)
def hear(line):
    letter, size = struct.unpack("<cI", line.recv(5, socket.MSG_WAITALL))
    return letter, line.recv(size, socket.MSG_WAITALL) if size else b""
letter, configuration = hear(life)
assert letter == b"c"
"""
SERVE: Final = "say(life, b'o', struct.pack('<II', os.getpid(), 1))\n"


class MotherTests(SynchronousTestCase):
    """Her birth, her children, her end."""

    def mother(self, code: str) -> Mother:
        recipe = Recipe("Tongue", (sys.executable, "-c", START + code), "tongue", (("app", "a.x"),))
        mother = Mother(recipe, lambda payload: b"\1" + payload)
        self.addCleanup(os.waitpid, mother.pid, 0)
        self.addCleanup(mother.end)
        return mother

    def refused(self, code: str) -> str:
        recipe = Recipe("Tongue", (sys.executable, "-c", START + code), "tongue", ())
        with self.assertRaises(BridgeError) as caught:
            Mother(recipe, lambda payload: payload)
        return str(caught.exception)

    def test_boot(self) -> None:
        """She is told what to load, may call functions, and says what became of it."""
        mother = self.mother(
            "say(life, b'u', b'log')\n"
            "answer = hear(life)[1]\n"
            "say(life, b'l', struct.pack('<IB', 0, 1) + answer)\n"
            "say(life, b'l', struct.pack('<IB', 1, 0) + configuration[-3:])\n" + SERVE + "life.recv(1)\n"
        )
        self.assertEqual(mother.loaded, [Loaded(0, True, "\1log"), Loaded(1, False, "a.x")])
        self.assertFalse(mother.moved)

    def test_end(self) -> None:
        """She ends when nobody holds her line."""
        mother = self.mother(SERVE + "life.recv(1)\n")
        life = os.pidfd_open(mother.pid)
        self.addCleanup(os.close, life)
        self.assertEqual(select.select([life], [], [], 0)[0], [])
        mother.end()
        self.assertEqual(select.select([life], [], [], 30)[0], [life])

    def test_no_program(self) -> None:
        """Where there is no interpreter, the option that wants it is named."""
        with self.assertRaisesRegex(NoInterpreter, "the option tongue needs the Tongue interpreter"):
            Mother(Recipe("Tongue", ("no-such-program",), "tongue", ()), lambda payload: payload)

    def test_refusal(self) -> None:
        """She may say that she can not serve."""
        self.assertIn("no way", self.refused("say(life, b'n', b'no way'); life.recv(1)"))

    def test_death(self) -> None:
        """Her end while she loads is told, with how it came."""
        self.assertIn("ended with exit status 3", self.refused("sys.exit(3)"))
        self.assertIn("ended of signal 9", self.refused("os.kill(os.getpid(), 9)"))
        self.assertIn("closed its line", self.refused("life.close(); time.sleep(60)"))

    def test_junk(self) -> None:
        """One that says what makes no sense is ended."""
        self.assertIn("junk", self.refused("life.sendall(b'junk that is no frame'); time.sleep(60)"))

    def test_child(self) -> None:
        """Who connects shows the token, and is told who serves; calls are answered before."""
        mother = self.mother(
            SERVE + "child, _ = door.accept()\n"
            "letter, greeting = hear(child)\n"
            "say(child, b'i', b'/a')\n"
            "say(child, b'u', greeting)\n"
            "hear(child)\n"
            "say(child, b'o', struct.pack('<II', 4711, 1))\n"
            "life.recv(1)\n"
        )
        called: list[bytes] = []
        learnt: list[bytes] = []

        def call(payload: bytes) -> bytes:
            called.append(payload)
            return b"\0"

        line, pid = mother.connect(2, 1, [("version", "1")], call, learnt.append)
        line.close()
        self.assertEqual(pid, 4711)
        self.assertEqual(learnt, [b"/a"])
        token, *rest = read_counted(called[0])
        self.assertEqual((len(token), rest), (32, [b"2", b"1", b"version", b"1"]))
        self.assertEqual(counted([token, *rest]), called[0])

    def test_child_that_refuses(self) -> None:
        """A child that can not serve says why; one that goes says nothing."""
        for code, said in (
            ("say(child, b'n', b'no way')\n", "no way"),
            ("child.close()\n", "before it greeted"),
        ):
            mother = self.mother(SERVE + "child, _ = door.accept()\nhear(child)\n" + code + "life.recv(1)\n")
            with self.assertRaisesRegex(BridgeError, said):
                mother.connect(1, 0)

    def test_gone(self) -> None:
        """Nobody listens where she is gone."""
        mother = self.mother(SERVE + "life.recv(1)\n")
        mother.end()
        life = os.pidfd_open(mother.pid)
        self.addCleanup(os.close, life)
        select.select([life], [], [], 30)
        with self.assertRaisesRegex(BridgeError, "is not there"):
            mother.connect(1, 0)
