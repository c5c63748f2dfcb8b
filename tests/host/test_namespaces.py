"""Words and flags of namespaces, and how they are entered."""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host.idmaps import IdMap, IdMaps
from uwsgid.host.namespaces import (
    CLONE_NEWNS,
    CLONE_NEWUSER,
    WORDS,
    combined,
    describe,
    enter,
    parse_unshare,
    parse_words,
)
from uwsgid.testing import MemoryKernel


class WordTests(SynchronousTestCase):
    def test_every_word(self) -> None:
        """The words of uWSGI stand for the flags of the kernel."""
        for word, flag in (
            ("files", 0x400),
            ("ipc", 0x08000000),
            ("net", 0x40000000),
            ("pid", 0x20000000),
            ("ns", 0x00020000),
            ("fs", 0x00020000),
            ("mount", 0x00020000),
            ("mnt", 0x00020000),
            ("sysvsem", 0x00040000),
            ("uts", 0x04000000),
            ("user", 0x10000000),
            ("io", 0x80000000),
            ("parent", 0x8000),
            ("cgroup", 0x02000000),
            ("time", 0x80),
        ):
            self.assertEqual(parse_words(word), flag, word)
        self.assertEqual(len(WORDS), 15)

    def test_lists(self) -> None:
        """Words are separated by commas, blanks around them do not matter, and occurrences add up."""
        self.assertEqual(parse_words("ipc,uts, fs,pid,net"), 0x6C020000 | 0x08000000)
        self.assertEqual(combined((parse_words("uts"), parse_words("fs"))), 0x04020000)
        self.assertEqual(combined(()), 0)

    def test_an_unknown_word(self) -> None:
        """A typing error is no isolation, and so it is an error, unlike in 1.9.16."""
        for text, said in (
            ("fs,nett", "unknown namespace subsystem: nett; did you mean net?"),
            ("fs,", r"unknown namespace subsystem: \(nothing\); known: cgroup, files"),
            ("xyzzy", "unknown namespace subsystem: xyzzy; known:"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                parse_words(text)

    def test_what_only_a_clone_knows(self) -> None:
        """io and parent are words of emperor-use-clone; a process can not unshare them."""
        self.assertEqual(parse_unshare("fs,uts"), 0x04020000)
        with self.assertRaisesRegex(ValueError, "parent,?.*can not be unshared"):
            parse_unshare("fs,parent")

    def test_flags_to_words(self) -> None:
        """Messages name flags by one word each."""
        self.assertEqual(describe(parse_words("mount,net,pid")), "net,pid,fs")
        self.assertEqual(describe(0), "")


class EnterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.said: list[str] = []
        self.kernel = MemoryKernel(uid=0, gid=0)

    def enter(self, words: str, *, maps: IdMaps | None = None, private: bool = True) -> list[tuple[str, ...]]:
        enter(self.kernel, parse_words(words), self.said.append, maps=maps, private=private)
        return self.kernel.calls

    def test_nothing(self) -> None:
        """No flags, no call; what only a clone knows is no call either."""
        self.assertEqual(self.enter("io,parent"), [])
        self.assertEqual(self.said, [])

    def test_private_mounts(self) -> None:
        """A new mount namespace keeps its mounts for itself."""
        self.assertEqual(
            self.enter("fs,uts"),
            [("unshare", "0x4020000"), ("mount", "none", "/", "none", "0x44000", "")],
        )
        self.assertEqual(self.said[0], "[linux-namespace] applied unshare() mask: 67239936")

    def test_shared_mounts(self) -> None:
        """Where it is asked for, propagation stays as it is."""
        self.assertEqual(self.enter("fs", private=False), [("unshare", "0x20000")])

    def test_without_mounts(self) -> None:
        """Without a new mount namespace nothing is mounted, for that would be the host's /."""
        self.assertEqual(self.enter("uts,net"), [("unshare", "0x44000000")])

    def test_a_user_namespace(self) -> None:
        """Root keeps every number of its own namespace, whatever they are called outside."""
        self.kernel.add_file("/proc/self/uid_map", b"         0     100000      65536\n")
        self.kernel.add_file("/proc/self/gid_map", b"0 0 4294967295\n")
        self.assertEqual(
            self.enter("user,fs"),
            [
                ("unshare_mapped", hex(CLONE_NEWUSER | CLONE_NEWNS), "0 0 65536", "0 0 4294967295", "True"),
                ("mount", "none", "/", "none", "0x44000", ""),
            ],
        )

    def test_a_user_namespace_of_an_ordinary_user(self) -> None:
        """Who is not root becomes root inside, and may change no groups any more."""
        self.kernel = MemoryKernel(uid=1000, gid=1000)
        self.assertEqual(
            self.enter("user")[:1], [("unshare_mapped", "0x10000000", "0 1000 1", "0 1000 1", "False")]
        )
        self.assertEqual(self.kernel.uid, 0)

    def test_maps(self) -> None:
        """With maps that leave our own number out we become the root that they name."""
        maps = IdMaps((IdMap(0, 100000, 65536),), (IdMap(0, 100000, 65536),))
        self.kernel.gid = 5
        names = [call[0] for call in self.enter("user", maps=maps)]
        self.assertEqual(names, ["unshare_mapped", "setgroups", "setgid", "setuid"])

    def test_refusals(self) -> None:
        """A refusal names the call and the namespaces."""
        self.kernel.fail("unshare", errno.EPERM)
        with self.assertRaisesRegex(KernelError, r"unshare\(\): Operation not permitted \[net,fs\]"):
            self.enter("fs,net")
        self.kernel.fail("unshare_mapped", errno.ENOSPC)
        with self.assertRaisesRegex(KernelError, r"unshare\(\): No space left on device \[user\]"):
            self.enter("user")
