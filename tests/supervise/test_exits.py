"""What the exit status of a worker means."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.children import ExitStatus
from uwsgid.supervise.exits import Exit, Next, Verdict, verdict

RESPAWN = "trying respawn ..."
SIGNAL, CODE = ExitStatus(signal=11), ExitStatus(code=1)


def judged(
    status: ExitStatus | int, *, told: bool = False, wanted: bool = True, **more: bool | float
) -> Verdict:
    found = status if isinstance(status, ExitStatus) else ExitStatus(code=status)
    return verdict(found, slot=2, pid=9, told_to_go=told, wanted=wanted, **more)  # type: ignore[arg-type]


class Lines(SynchronousTestCase):
    """The line that operators know, by the first condition that holds."""

    def test_table(self) -> None:
        """Each row of the table, and its line."""
        for line, found in (
            (f"DAMN ! worker 2 (pid: 9) died, killed by signal 11 :( {RESPAWN}", judged(SIGNAL)),
            (f"DAMN ! worker 2 (pid: 9) died :( {RESPAWN}", judged(CODE)),
            (f"DAMN ! worker 2 (pid: 9) died :( {RESPAWN}", judged(0)),
            (f"DAMN ! worker 2 (pid: 9) died :( {RESPAWN}", judged(Exit.END)),
            (f"DAMN ! worker 2 (pid: 9) died :( {RESPAWN}", judged(ExitStatus())),
            ("worker 2 killed successfully (pid: 9)", judged(Exit.RELOAD, told=True)),
            ("worker 2 killed successfully (pid: 9)", judged(SIGNAL, told=True)),
            (
                f"DAMN ! worker 2 (pid: 9) MYSTERIOUSLY killed by signal 11 :( {RESPAWN}",
                judged(SIGNAL, told=True, cursed=False),
            ),
            ("", judged(Exit.END, told=True, cursed=False)),
            ("OOPS ! failed loading app in worker 2 (pid 9) :( trying again...", judged(Exit.APP_FAILED)),
            (
                "OOPS ! failed loading app in worker 2 (pid 9) :( trying again...",
                judged(Exit.APP_FAILED, need_app=True),
            ),
            ("*** no app loaded. GAME OVER ***", judged(Exit.APP_FAILED, need_app=True, first=True)),
            (
                "... monitored exception detected, respawning worker 2 (pid: 9)...",
                judged(Exit.EXCEPTION, told=True),
            ),
            ("...restoring worker 2 (pid: 9)...", judged(Exit.DE_HIJACKED)),
            ("", judged(Exit.QUIET)),
            ("!!! inconsistent state reported by worker 2 (pid: 9) !!!", judged(Exit.BRUTAL)),
        ):
            self.assertEqual(found.line, line)

    def test_burials(self) -> None:
        """When the instance stops or reloads, each end is a burial after so many seconds."""
        for status in (SIGNAL, CODE, ExitStatus(code=Exit.APP_FAILED)):
            found = judged(status, told=True, burial=True, now=10.9, told_at=7.0)
            self.assertEqual((found.line, found.next), ("worker 2 buried after 3 seconds", Next.REST))
        self.assertEqual(judged(0, told=True, burial=True, now=1.0, told_at=2.0).line[-9:], "0 seconds")

    def test_crash_during_a_burial(self) -> None:
        """A worker that was not told to go has crashed, whatever else goes on; nobody follows it."""
        found = judged(SIGNAL, burial=True)
        self.assertIn("DAMN", found.line)
        self.assertEqual((found.next, found.crashed), (Next.REST, True))


class Consequences(SynchronousTestCase):
    """What the master does with the slot."""

    def test_next(self) -> None:
        """Respawn where a worker is wanted, rest where not; two codes concern the whole instance."""
        for expected, found in (
            (Next.RESPAWN, judged(SIGNAL)),
            (Next.REST, judged(SIGNAL, wanted=False)),
            (Next.RESPAWN, judged(Exit.QUIET)),
            (Next.REST, judged(Exit.EXCEPTION, wanted=False)),
            (Next.END_INSTANCE, judged(Exit.APP_FAILED, need_app=True, first=True)),
            (Next.RESPAWN, judged(Exit.APP_FAILED, need_app=True)),
            (Next.RESPAWN, judged(Exit.APP_FAILED, first=True)),
            (Next.RELOAD_BRUTALLY, judged(Exit.BRUTAL)),
        ):
            self.assertIs(found.next, expected)

    def test_crashes(self) -> None:
        """A crash is an end that nobody asked for, or an application that does not load."""
        for crashed, found in (
            (True, judged(SIGNAL)),
            (True, judged(0)),
            (True, judged(Exit.APP_FAILED)),
            (False, judged(Exit.APP_FAILED, need_app=True, first=True)),
            (False, judged(SIGNAL, told=True)),
            (False, judged(Exit.EXCEPTION)),
            (False, judged(Exit.QUIET)),
        ):
            self.assertIs(found.crashed, crashed)
