"""Tests of `uwsgid.languages.python.context`."""

from __future__ import annotations

import threading
from typing import Any

from tests.languages.python.serving import ServerCase
from uwsgid.errors import AppError
from uwsgid.languages.python.context import Context, as_bytes, as_text, here


class ContextTests(ServerCase):
    def test_outside_the_server_everything_is_refused(self) -> None:
        """With a sentence, not with an attribute error."""
        nowhere = Context()
        self.assertIsNone(nowhere.request)
        for act, text in (
            (lambda: nowhere.board, "does not belong to a running server"),
            (nowhere.need_serving, "works in workers only"),
            (nowhere.need_request, "works during a request only"),
            (lambda: nowhere.ask("reload"), "no master that could be asked to reload"),
        ):
            self.assertIn(text, str(self.assertRaises(AppError, act)))

    def test_the_board_is_there_before_the_fork(self) -> None:
        """Boot made it."""
        self.assertIs(here.board, self.board)

    def test_each_thread_finds_its_own_request(self) -> None:
        """By the core that the loop noted on it."""
        self.serve()
        first, second = self.begin(), self.begin(core=1)
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.append(here.request))
        thread.core = 1  # type: ignore[attr-defined]
        thread.start()
        thread.join()
        self.assertEqual((here.request, seen), (first, [second]))

    def test_texts_survive_as_they_were(self) -> None:
        """Bytes that are no UTF-8 come back the same."""
        self.assertEqual(as_bytes(as_text(b"\xff\xc3\xa9")), b"\xff\xc3\xa9")
        self.assertEqual(as_text("x"), "x")
        self.assertEqual(as_bytes(b"x"), b"x")
