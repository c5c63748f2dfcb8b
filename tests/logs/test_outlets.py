"""From the options to the pipelines."""

from __future__ import annotations

import os
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.logs.notebooks import Remembering
from tests.logs.test_pipeline import Notebook
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, KernelError
from uwsgid.logs.encoders.sealed import HEAD, make_key
from uwsgid.logs.encoders.sealing import Sealer
from uwsgid.logs.encoders.unsealing import Opened, Unsealer
from uwsgid.logs.outlets import Outlets, Postponed, fit, fit_worker, registered

KEY: Final = "8f1d7ac03be6925418f0c47d6b2ea9135fd8037b91e64c2ab07f15d3894ee260"


class FitTests(SynchronousTestCase):
    def setUp(self) -> None:
        Remembering.made = {}
        Remembering.refuse = set()
        self.original = Notebook()

    def fit(self, *lines: str) -> Outlets:
        return fit(settings_of("\n".join(lines)), self.original)

    def kept(self) -> dict[str, bytes]:
        return {name: notebook.text() for name, notebook in Remembering.made.items() if notebook.said}

    def test_unnamed_get_all_and_named_what_is_routed(self) -> None:
        """A named logger gets nothing but what a route sends it."""
        made = self.fit(
            "logger = notebook:all",
            "logger = shop notebook:shop",
            "logger = idle notebook:idle",
            "log-route = shop ^x",
        )
        made.records.accept([b"x\n", b"y\n"])
        self.assertEqual(self.kept(), {"all": b"y\n", "shop": b"x\n"})
        self.assertEqual(self.original.said, [])

    def test_named_loggers_only(self) -> None:
        """Without an unnamed logger the rest goes where the log went before, through the encoders for all."""
        made = self.fit(
            "logger = shop notebook:shop",
            "log-route = shop ^x",
            "log-encoder = prefix A",
            "log-encoder = prefix:shop B",
        )
        made.records.accept([b"x", b"y"])
        self.assertEqual((self.kept(), self.original.said), ({"shop": b"BAx"}, [b"Ay"]))

    def test_encoders_without_loggers(self) -> None:
        """They apply to what log-master writes itself."""
        made = self.fit("log-encoder = prefix A", "log-encoder = nl")
        made.records.accept([b"x"])
        self.assertEqual(self.original.said, [b"Ax\n"])
        self.assertIsNone(made.requests)

    def test_what_was_to_be_sealed(self) -> None:
        """It comes to the original log sealed where its logger fails, also by the encoder of that logger."""
        for line in ("logger = shop notebook:shop", "logger = shop slowbook:shop"):
            Remembering.made.clear()
            self.original.said.clear()
            made = self.fit(
                line,
                "logger = open notebook:open",
                "log-route = shop ^secret",
                "log-route = open ^known",
                "log-encoder = prefix A",
                f"log-encoder = aead:shop key={KEY}",
                "log-encoder = prefix:open B",
            )
            for name in ("shop", "open"):
                Remembering.made[name].broken = True
            made.start()
            made.records.accept([b"secret\n", b"known\n", b"other\n"])
            made.finish()
            whole = b"".join(each for each in self.original.said if isinstance(each, bytes))
            self.assertNotIn(b"secret", whole)
            self.assertIn(b"Aknown\nAother\n", whole.replace(self.sealed(whole), b""))
            unsealer = Unsealer([make_key(bytes.fromhex(KEY), "it")])
            opened = [each for each in unsealer.feed(whole) if isinstance(each, Opened)]
            self.assertEqual(opened, [Opened(b"Asecret\n")])

    def sealed(self, whole: bytes) -> bytes:
        """The one sealed record in *whole*."""
        start = whole.index(b"\x01\x01\0\0")
        return whole[start : start + HEAD.size + int.from_bytes(whole[start + 2 : start + 6], "big")]

    def test_nothing_goes_out_unsealed(self) -> None:
        """A record that can not be sealed comes to no logger and not to the log, which tells of it."""

        def fail(seal: Sealer) -> None:
            raise MemoryError("no room")

        self.patch(Sealer, "_begin", fail)
        for form in ("binary", "text"):
            self.original.said.clear()
            made = self.fit(
                "logger = notebook:all", "logger = slowbook:slow", f"log-encoder = aead key={KEY},form={form}"
            )
            made.start()
            made.records.accept([b"secret\n", b"more\n"])
            made.finish()
            self.assertEqual({name: text for name, text in self.kept().items() if text}, {})
            line = b"[log-encoder aead] 4 records dropped rather than left unsealed: no room\n"
            self.assertEqual(self.original.said, [line])
            self.assertEqual(made.grievances.totals, {"log-encoder aead": 4})

    def test_requests_have_their_own_way(self) -> None:
        """Loggers, routes and encoders of requests are not those of the log."""
        made = self.fit(
            "logger = notebook:all",
            "req-logger = notebook:requests",
            "req-logger = paid notebook:paid",
            "log-req-route = paid ^p",
            "log-encoder = prefix A",
            "log-req-encoder = prefix R",
            "log-drain = .",
        )
        assert made.requests is not None
        made.requests.accept([b"a", b"p"])
        self.assertEqual(self.kept(), {"requests": b"Ra", "paid": b"Rp"})
        made.records.rotate()
        for name in ("all", "requests", "paid"):
            self.assertEqual(Remembering.made[name].said[-1], "rotate")

    def test_a_route_of_requests_to_a_logger_of_the_log(self) -> None:
        """Names are looked for among req-logger first, then among logger; there is one logger in any case."""
        made = self.fit(
            "logger = shop notebook:shop",
            "logger = both notebook:of-log",
            "req-logger = both notebook:of-requests",
            "log-route = shop ^x",
            "log-req-route = shop .",
            "log-req-route = both .",
            "log-encoder = prefix A",
            "log-req-encoder = prefix R",
        )
        assert made.requests is not None
        made.requests.accept([b"r"])
        made.records.accept([b"x"])
        self.assertEqual(self.kept(), {"shop": b"RrAx", "of-requests": b"Rr"})

    def test_request_encoders_alone(self) -> None:
        """log-req-encoder makes the way of requests, which leads to the original log."""
        made = self.fit("log-req-encoder = suffix !")
        assert made.requests is not None
        made.requests.accept([b"r"])
        made.records.accept([b"x"])
        self.assertEqual(self.original.said, [b"r!", b"x"])

    def test_the_first_of_two_with_one_name(self) -> None:
        """Routes mean the first, as in 1.9.16."""
        made = self.fit("logger = shop notebook:1", "logger = shop notebook:2", "log-route = shop .")
        made.records.accept([b"x"])
        self.assertEqual(self.kept(), {"1": b"x"})

    def test_slow_loggers_have_threads(self) -> None:
        """They are written to by a thread, and get everything before the end; what was dropped is said."""
        made = self.fit("logger = slowbook:slow", "log-encoder = prefix A", "log-queue-size = 1000")
        made.records.accept([b"x"])
        made.start()
        made.records.accept([b"y", b"z" * 2000])
        made.finish()
        self.assertEqual(self.kept(), {"slow": b"AxAy"})
        self.assertEqual(
            self.original.said,
            [b"A[logger slowbook] 1 record dropped: its queue is full (log-queue-size is 1000 bytes)\n"],
        )

    def test_a_fork_forgets(self) -> None:
        """What waits for a slow logger is not written again by the children of the master."""
        made = self.fit("logger = slowbook:slow")
        made.records.accept([b"x"])
        made.forget()
        made.finish()
        self.assertEqual((self.kept(), self.original.said), ({}, []))

    def test_a_fork_keeps_no_files(self) -> None:
        """A file that is set aside is not kept alive by the children of the master."""
        path = self.mktemp()
        made = self.fit(f"logger = file:{path}")
        made.records.accept([b"x"])
        (file,) = made.descriptors
        made.forget()
        self.assertRaises(OSError, os.fstat, file.descriptor)

    def test_what_can_not_be_opened_is_tried_again(self) -> None:
        """Its records go to the original log meanwhile, which hears why."""
        Remembering.refuse = {"late"}
        made = self.fit("logger = shop notebook:late", "log-route = shop .")
        made.records.accept([b"x\n"])
        made.records.check_size()
        self.assertEqual(
            self.original.said,
            [
                b"x\n",
                "check",
                b"[logger shop] its records go to the original log: can not open late\n"
                b"[logger shop] 1 record written to the original log: can not open late\n",
            ],
        )

    def test_bad_arguments_name_the_line(self) -> None:
        """What only the opening finds out stops the start with the place."""
        with self.assertRaisesRegex(ConfigError, "^lines:2: logger: fussybook: never"):
            self.fit("logger = notebook:all", "logger = fussybook:x")

    def test_log_files_that_are_made_belong_to_the_user(self) -> None:
        """A new file is given to who is to open it after a reload; one that was there keeps its owner."""
        if os.geteuid():
            return
        folder = self.mktemp()
        os.mkdir(folder)
        old, new = os.path.join(folder, "old"), os.path.join(folder, "new")
        with open(old, "w") as file:
            file.write("old\n")
        made = fit(settings_of(f"logger = file:{old}\nlogger = file:{new}"), self.original, (65534, 65534))
        made.records.close()
        self.assertEqual((os.stat(old).st_uid, os.stat(new).st_uid), (0, 65534))

    def test_another_original(self) -> None:
        """The original log can be changed while everything is in place, for logto2."""
        made = self.fit("logger = shop notebook:shop", "log-route = shop ^x", "log-req-encoder = nl")
        late = Notebook()
        made.original.logger = late
        assert made.requests is not None
        made.records.accept([b"y"])
        made.requests.accept([b"r"])
        self.assertEqual((self.original.said, late.said), ([], [b"y", b"r\n"]))

    def test_registered(self) -> None:
        """uWSGI's line for each encoder, with the whole text."""
        settings = settings_of("log-encoder = prefix  A\nlog-req-encoder = nl")
        self.assertEqual(
            list(registered(settings)),
            ["[log-encoder] registered prefix  A", "[log-req-encoder] registered nl"],
        )

    def test_workers(self) -> None:
        """A worker has pipelines of its own; what is not configured there goes on to where it went."""
        requests = Notebook()
        settings = settings_of(
            "worker-logger = notebook:worker\nworker-log-encoder = prefix W\n"
            "worker-log-req-encoder = prefix R"
        )
        made = fit_worker(settings, self.original, requests)
        made.records.accept([b"x"])
        assert made.requests is not None
        made.requests.accept([b"r"])
        self.assertEqual((self.kept(), self.original.said, requests.said), ({"worker": b"Wx"}, [], [b"Rr"]))


class PostponedTests(SynchronousTestCase):
    def test_tries_once_a_second(self) -> None:
        """Not at each record, and with the records of a successful try it goes on for good."""
        now, tries, notebook = [0.0], [0], Notebook()

        def make() -> Notebook:
            tries[0] += 1
            if now[0] < 2:
                raise KernelError(f"try {tries[0]}")
            return notebook

        postponed = Postponed(make, "at first", lambda: now[0])
        postponed.reopen()
        self.assertRaisesRegex(OSError, "at first", postponed.write, [b"a"])
        now[0] = 1.0
        self.assertRaisesRegex(OSError, "try 1", postponed.write, [b"b"])
        self.assertRaisesRegex(OSError, "try 1", postponed.write, [b"c"])
        now[0] = 2.0
        postponed.write([b"d"])
        postponed.write([b"e"])
        for order in (postponed.reopen, postponed.rotate, postponed.check_size, postponed.close):
            order()
        self.assertEqual(tries[0], 2)
        self.assertEqual(notebook.said, [b"d", b"e", "reopen", "rotate", "check", "close"])
