"""Actions that call functions."""

from __future__ import annotations

import ctypes
import errno
import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from tests.hooks import functions
from tests.hooks.support import Stage
from uwsgid.hooks import Phase, VassalFacts
from uwsgid.hooks.calls import CallOfPhase
from uwsgid.hooks.options import parse_action

HERE = "tests.hooks.functions"


class CallTests(SynchronousTestCase):
    def setUp(self) -> None:
        functions.calls.clear()
        self.stage = Stage()

    def test_names(self) -> None:
        """A function of Python is named with a colon or with dots."""
        for text in (f"call:{HERE}:note", f"call:{HERE}.note", f"call:{HERE}:Kept.inner"):
            self.assertEqual(self.stage.do(text), "")
        self.assertEqual(functions.calls, [(), (), ("inner",)])

    def test_arguments(self) -> None:
        """It gets the text behind its name, or a number."""
        self.stage.do(f"call:{HERE}:note a  b")
        self.stage.do(f"callint:{HERE}:note -7")
        self.assertEqual(functions.calls, [("a  b",), (-7,)])
        for text in ("callint:f x", "callintret:f 99999999999", "call:", "callret: x"):
            self.assertRaises(ValueError, parse_action, text)

    def test_results(self) -> None:
        """What it returns counts where the name says so; 0 and None are success."""
        self.assertEqual(self.stage.do(f"call:{HERE}:three"), "")
        self.assertEqual(self.stage.do(f"callint:{HERE}:three 1"), "")
        self.assertEqual(self.stage.do(f"callret:{HERE}:zero"), "")
        self.assertEqual(self.stage.do(f"callret:{HERE}:note x"), "")
        self.assertEqual(
            self.stage.do(f"callret:{HERE}:three x"), f'callret: function "{HERE}:three" returned 3'
        )
        self.assertEqual(self.stage.do(f"!callintret:{HERE}:three 1"), "callintret: the function returned 3")
        self.assertIn("returned 'text'", self.stage.do(f"callret:{HERE}:text"))

    def test_missing(self) -> None:
        """A function that is not there is told, with the reason."""
        for name, reason in (
            (f"{HERE}:nothing", f"there is no such function in {HERE}"),
            (f"{HERE}:constant", f"there is no such function in {HERE}"),
            ("tests.hooks.ghost:f", "ModuleNotFoundError: No module named 'tests.hooks.ghost'"),
            ("uwsgid_no_such_function", "this process has no C function of that name"),
        ):
            self.assertEqual(
                self.stage.do(f"call:{name}"), f'call: unable to call function "{name}": {reason}'
            )
        self.assertEqual(self.stage.do("!call:secret.f"), "call: unable to call the function")

    def test_raising(self) -> None:
        """One that raises has failed, whatever was to become of its result, and leaves its traceback."""
        self.assertEqual(
            self.stage.do(f"call:{HERE}:broken"),
            f'call: function "{HERE}:broken" failed: LookupError: nothing there',
        )
        self.assertIn("LookupError: nothing there", self.stage.said)
        self.assertTrue(any("functions.py" in line for line in self.stage.said))

    def test_c(self) -> None:
        """A name without a dot is a function of C, as ``callret:chdir /`` of uWSGI's manual."""
        self.addCleanup(os.chdir, os.getcwd())
        self.assertEqual(self.stage.do("callret:chdir /"), "")
        self.assertEqual(os.getcwd(), "/")
        self.assertEqual(self.stage.do("callintret:abs 0"), "")
        self.assertEqual(self.stage.do("callintret:abs -4"), 'callintret: function "abs" returned 4')
        self.assertEqual(self.stage.do("callret:chdir /nowhere"), 'callret: function "chdir" returned -1')

    def test_vassals(self) -> None:
        """The calls of phases get what their options promise."""
        self.stage.vassal = VassalFacts("shop.ini", 5, 6, 7)
        scene = self.stage.scene()
        CallOfPhase(f"{HERE}:note").act(scene)
        CallOfPhase(f"{HERE}:note", ("name", "pid", "uid", "gid")).act(scene)
        self.assertEqual(functions.calls, [(), ("shop.ini", 5, 6, 7)])


class SignalTests(SynchronousTestCase):
    def setUp(self) -> None:
        functions.calls.clear()
        self.stage = Stage()
        self.addCleanup(signal.signal, signal.SIGUSR2, signal.getsignal(signal.SIGUSR2))

    def test_python(self) -> None:
        """A function of Python handles a signal."""
        self.assertEqual(self.stage.do(f"unix_signal:{int(signal.SIGUSR2)} {HERE}:note"), "")
        os.kill(os.getpid(), signal.SIGUSR2)
        self.assertEqual(functions.calls, [(int(signal.SIGUSR2),)])

    def test_c(self) -> None:
        """A function of C is installed in place of Python's."""
        self.assertEqual(self.stage.do(f"unix_signal:{int(signal.SIGUSR2)} abs", Phase.POST_FORK), "")
        os.kill(os.getpid(), signal.SIGUSR2)  # which would end us, had abs not been called
        libc = ctypes.CDLL(None)
        libc.signal.restype = ctypes.c_void_p
        libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
        before = libc.signal(int(signal.SIGUSR2), None)
        self.assertEqual(before, ctypes.cast(libc.abs, ctypes.c_void_p).value)

    def test_mistakes(self) -> None:
        """Numbers that are no signals, functions that are none, and signals that nobody may handle."""
        for text in ("unix_signal:x f", "unix_signal:0 f", "unix_signal:65 f", "unix_signal:10"):
            self.assertRaises(ValueError, parse_action, text)
        self.assertIn("unable to call function", self.stage.do("unix_signal:10 uwsgid_no_such"))
        self.assertIn(
            f"signal(): {os.strerror(errno.EINVAL)} [9]", self.stage.do(f"unix_signal:9 {HERE}:note")
        )
        self.assertIn(f"signal(): {os.strerror(errno.EINVAL)} [9]", self.stage.do("unix_signal:9 abs"))
