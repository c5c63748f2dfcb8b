"""What a worker of a vassal tells its master."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.request.serving import Serving
from uwsgid.wire.control import AWAKE, BUSY
from uwsgid.worker.loyalty import FirstRequest, answer_knock


class FirstRequestTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.done: list[Any] = []
        self.serving = cast(Serving, SimpleNamespace(after_request=None))

    def request(self, core: int = 0) -> None:
        if self.serving.after_request is not None:
            self.serving.after_request(core)

    def test_once(self) -> None:
        """The first request is told, and then requests cost what they cost anyone else."""
        FirstRequest(self.serving, lambda: self.done.append("loyal"))
        self.request()
        self.assertIsNone(self.serving.after_request)
        self.request()
        self.assertEqual(self.done, ["loyal"])

    def test_others(self) -> None:
        """What else is to be done after each request is done after the first one too."""
        self.serving.after_request = self.done.append
        FirstRequest(self.serving, lambda: self.done.append("loyal"))
        self.request(1)
        self.request(2)
        self.assertEqual(self.done, ["loyal", 1, 2])
        self.assertEqual(self.serving.after_request, self.done.append)

    def test_wrapped(self) -> None:
        """Whoever came to stand before it meanwhile stays there."""
        first = FirstRequest(self.serving, lambda: self.done.append("loyal"))

        def outer(core: int) -> None:
            first(core)
            self.done.append(core)

        self.serving.after_request = outer
        self.request(1)
        self.request(2)
        self.assertEqual(self.done, ["loyal", 1, 2])
        self.assertIs(self.serving.after_request, outer)


class KnockTests(SynchronousTestCase):
    def test_answer(self) -> None:
        """One free core is enough to be awake."""
        self.assertEqual(answer_knock([None]), AWAKE)
        self.assertEqual(answer_knock([object(), None]), AWAKE)
        self.assertEqual(answer_knock([object(), object()]), BUSY)
