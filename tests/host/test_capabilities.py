"""Which powers of root stay."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems, KernelError
from uwsgid.host.capabilities import (
    NAMES,
    SETPCAP,
    Capabilities,
    Powers,
    final_set,
    first_reduction,
    limit_bounding,
    limit_own,
    mask_of,
    name_of,
    parse_capabilities,
)
from uwsgid.host.kernel import Kernel
from uwsgid.testing import MemoryKernel

#: The numbers of spec and kernel, for names that stand at the borders of the table.
KNOWN: Final = {
    "chown": 0,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "net_bind_service": 10,
    "net_admin": 12,
    "net_raw": 13,
    "sys_chroot": 18,
    "sys_admin": 21,
    "mknod": 27,
    "lease": 28,
    "setfcap": 31,
    "syslog": 34,
    "wake_alarm": 35,
    "block_suspend": 36,
    "audit_read": 37,
    "perfmon": 38,
    "bpf": 39,
    "checkpoint_restore": 40,
}
TRANSITION: Final = mask_of(parse_capabilities("sys_chroot,setuid,setgid,setpcap"))


def caps(text: str) -> Powers:
    return parse_capabilities(text)


class NameTests(SynchronousTestCase):
    """The text of ``cap``."""

    def test_numbers(self) -> None:
        """The names are numbered as the kernel numbers them."""
        for name, number in KNOWN.items():
            self.assertEqual(caps(name)[0].number, number, name)
        self.assertEqual((len(NAMES), len(set(NAMES))), (41, 41))

    def test_forms(self) -> None:
        """Numbers, capitals, the prefix of the kernel and blanks are understood; nothing counts twice."""
        found = caps(" net_raw , 13, CAP_KILL,40,")
        self.assertEqual(
            [(one.number, one.text) for one in found], [(13, "net_raw"), (5, "CAP_KILL"), (40, "40")]
        )

    def test_last_wins(self) -> None:
        """Lists of several lines do not add up, as in uWSGI."""
        self.assertEqual(settings_of("cap = kill\ncap = net_raw")[Capabilities].kept, caps("net_raw"))

    def test_refused(self) -> None:
        """Unknown names, impossible numbers and empty lists end the start, with place and suggestion."""
        for text, said in (
            ("net_row", "unknown capability: net_row; did you mean net_raw?"),
            ("kill,quatsch", "unknown capability: quatsch"),
            ("64", "unknown capability: 64, the highest is 63"),
            (",", "expected names of capabilities, got none"),
        ):
            problem = self.assertRaises(ConfigProblems, settings_of, f"cap = {text}").problems[0]
            self.assertEqual(problem, f"lines:1: cap: {said}")

    def test_name_of(self) -> None:
        """A number that has no name here is shown as it is."""
        self.assertEqual((name_of(21), name_of(63)), ("sys_admin", "63"))

    @settings(deadline=None, max_examples=50)
    @given(st.sets(st.integers(0, 63), min_size=1))
    def test_mask(self, numbers: set[int]) -> None:
        """The mask has the bits of the list, no more and no less."""
        found = mask_of(caps(",".join(map(str, numbers))))
        self.assertEqual({bit for bit in range(64) if found >> bit & 1}, numbers)


class DropTests(SynchronousTestCase):
    """The two steps around the change of users."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.lines: list[str] = []

    def test_both_steps(self) -> None:
        """Before, the list and what a change of users needs; after it, the list, ambient as well."""
        kept = caps("net_raw,kill")
        first_reduction(self.kernel, kept)
        final_set(self.kernel, kept, self.lines.append)
        mask = mask_of(kept)
        self.assertEqual(
            self.kernel.calls,
            [
                ("set_capabilities", hex(TRANSITION), hex(TRANSITION | mask), hex(mask)),
                ("set_keep_capabilities", "True"),
                ("set_capabilities", hex(mask), hex(mask), hex(mask)),
                ("raise_ambient", "13"),
                ("raise_ambient", "5"),
                ("set_keep_capabilities", "False"),
            ],
        )
        self.assertEqual(self.lines, ["setting capability net_raw [13]", "setting capability kill [5]"])

    def test_nothing_to_keep(self) -> None:
        """Without the option nothing is touched."""
        first_reduction(self.kernel, ())
        final_set(self.kernel, (), self.lines.append)
        self.assertEqual((self.kernel.calls, self.lines), ([], []))

    def test_not_ours(self) -> None:
        """What a container took away is named, before anything is changed."""
        self.kernel.permitted &= ~mask_of(caps("sys_admin,net_raw"))
        error = self.assertRaises(KernelError, first_reduction, self.kernel, caps("kill,sys_admin,net_raw"))
        self.assertIn("cap: sys_admin, net_raw can not be kept", str(error))
        self.assertEqual(self.kernel.calls, [])

    def test_restricted_root(self) -> None:
        """A root without sys_chroot does not ask for it."""
        self.kernel.permitted &= ~mask_of(caps("sys_chroot"))
        first_reduction(self.kernel, caps("kill"))
        self.assertEqual(self.kernel.effective, TRANSITION & ~mask_of(caps("sys_chroot")))

    def test_old_kernel(self) -> None:
        """Without ambient capabilities the others are set all the same."""
        self.kernel.fail("raise_ambient", errno.EINVAL)
        final_set(self.kernel, caps("kill"), self.lines.append)
        self.assertEqual((self.kernel.permitted, self.kernel.ambient), (1 << 5, 0))

    def test_refusals(self) -> None:
        """Each call that the kernel refuses is named."""
        for call, what in (
            ("set_capabilities", "capset(): Operation not permitted [cap]"),
            ("raise_ambient", "prctl(PR_CAP_AMBIENT): Operation not permitted [kill]"),
        ):
            self.kernel.fail(call, errno.EPERM)
            error = self.assertRaises(KernelError, final_set, self.kernel, caps("kill"), self.lines.append)
            self.assertEqual(str(error), what)


class VassalTests(SynchronousTestCase):
    """``emperor-cap``."""

    def test_bounding(self) -> None:
        """All that is not listed goes from the bounding set, except setpcap; the process itself keeps it."""
        kernel = MemoryKernel(uid=0)
        before = kernel.permitted
        limit_bounding(kernel, caps("kill,40"))
        self.assertEqual(kernel.bounding, mask_of(caps("kill,40,setpcap")))
        self.assertEqual((kernel.effective, kernel.permitted), (before, before))

    def test_inheritable(self) -> None:
        """What an exec as root would add again goes as well."""
        kernel = MemoryKernel(uid=0)
        kernel.passed_on = mask_of(caps("kill,net_raw"))
        limit_bounding(kernel, caps("kill"))
        self.assertEqual(kernel.passed_on, mask_of(caps("kill")))

    def test_without_exec(self) -> None:
        """A vassal that is only forked lets go of the rest itself, once."""
        kernel = MemoryKernel(uid=0)
        limit_own(kernel, caps("kill"))
        limit_own(kernel, caps("kill"))
        allowed = mask_of(caps("kill")) | 1 << SETPCAP
        self.assertEqual(kernel.calls, [("set_capabilities", hex(allowed), hex(allowed), "0x0")])

    def test_not_root(self) -> None:
        """A refusal names the capability."""
        error = self.assertRaises(KernelError, limit_bounding, MemoryKernel(), caps("kill"))
        self.assertEqual(str(error), "prctl(PR_CAPBSET_DROP): Operation not permitted [chown]")


class LiveTests(SynchronousTestCase):
    """The kernel tells what a child has left."""

    def told(self, act: Callable[[Kernel], None], command: str = "cat /proc/self/status") -> dict[str, int]:
        """The masks of a program that a child executes after it acted, and its own, as ``Own…``."""
        if os.geteuid() != 0:
            raise SkipTest("needs root")
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                act(Kernel())
                with open("/proc/self/status", "rb") as status:
                    own = b"".join(b"Own" + line for line in status if line.startswith(b"Cap"))
                os.write(writing, own)
                os.dup2(writing, 1)
                os.execv("/bin/sh", ["sh", "-c", command])
            except BaseException as error:
                os.write(writing, f"failed: {error!r}".encode())
            finally:
                os._exit(99)
        os.close(writing)
        with open(reading, encoding="utf-8") as stream:
            text = stream.read()
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, text)
        lines = (line.split(":\t") for line in text.splitlines() if "Cap" in line)
        return {name: int(mask, 16) for name, mask in lines}

    def test_a_user_keeps_them(self) -> None:
        """Another user has exactly the list, and so has a program that it executes."""
        kept = caps("net_bind_service,sys_nice")
        mask = mask_of(kept)

        def act(kernel: Kernel) -> None:
            first_reduction(kernel, kept)
            kernel.setgroups([])
            kernel.setgid(65534)
            kernel.setuid(65534)
            final_set(kernel, kept, lambda line: None)

        told = self.told(act)
        for name in ("OwnCapEff", "OwnCapPrm", "OwnCapInh", "CapEff", "CapPrm", "CapAmb"):
            self.assertEqual(told[name], mask, name)

    def test_a_vassal_of_roots(self) -> None:
        """A program of root's has no more than what the bounding set leaves."""
        told = self.told(lambda kernel: limit_bounding(kernel, caps("kill")))
        allowed = mask_of(caps("kill,setpcap"))
        self.assertEqual((told["CapBnd"], told["CapPrm"], told["CapEff"]), (allowed, allowed, allowed))
        self.assertGreater(told["OwnCapPrm"], allowed)

    def test_a_forked_vassal_of_roots(self) -> None:
        """One that executes nothing has no more either."""

        def act(kernel: Kernel) -> None:
            limit_bounding(kernel, caps("kill"))
            limit_own(kernel, caps("kill"))

        self.assertEqual(self.told(act)["OwnCapPrm"], mask_of(caps("kill,setpcap")))
