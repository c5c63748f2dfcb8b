"""Signals without enumerations."""

from __future__ import annotations

import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.reactions import DEFAULT, IGNORE, mask_signals, react, reaction_to


class Reactions(SynchronousTestCase):
    def test_known_to_everybody(self) -> None:
        """What is set here is what the module of Python finds."""
        self.addCleanup(signal.signal, signal.SIGUSR2, signal.getsignal(signal.SIGUSR2))
        for number, known in ((IGNORE, signal.SIG_IGN), (DEFAULT, signal.SIG_DFL)):
            react(signal.SIGUSR2, number)
            self.assertIs(signal.getsignal(signal.SIGUSR2), known)
            self.assertEqual(reaction_to(signal.SIGUSR2), number)

    def test_mask(self) -> None:
        """A mask can be given back as it was."""
        before = mask_signals(signal.SIG_BLOCK, (signal.SIGUSR2,))
        self.addCleanup(mask_signals, signal.SIG_SETMASK, before)
        self.assertIn(signal.SIGUSR2, signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        mask_signals(signal.SIG_SETMASK, before)
        self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, ()), before)
