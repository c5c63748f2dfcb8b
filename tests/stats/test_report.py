"""The document of the stats server."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.addresses import Family
from uwsgid.host.binding import Listener
from uwsgid.stats.layout import layout
from uwsgid.stats.report import SocketFacts, StatsFacts, lock_names, report, socket_facts, vars_of
from uwsgid.supervise.board import Board, Phase, RequestKind
from uwsgid.supervise.rows import AppFacts
from uwsgid.wire.uwsgi import write_vars

TOP = [
    "version", "listen_queue", "listen_queue_errors", "signal_queue", "load", "pid", "uid", "gid", "cwd",
    "locks", "sockets", "workers",
]  # fmt: skip
WORKER = [
    "id", "pid", "accepting", "requests", "delta_requests", "exceptions", "harakiri_count", "signals",
    "signal_queue", "status", "rss", "vsz", "running_time", "last_spawn", "respawn_count", "tx", "avg_rt",
    "apps", "cores", "generation", "rejected",
]  # fmt: skip
CORE = [
    "id", "requests", "static_requests", "routed_requests", "offloaded_requests", "write_errors", 
    "read_errors", "in_request", "vars", "req_info",
]  # fmt: skip
UWSGITOP = [
    "id", "requests", "tx", "running_time", "last_spawn", "status", "pid", "exceptions", "avg_rt", "rss", 
    "vsz", "respawn_count", "harakiri_count",
]  # fmt: skip
VARS = {"REQUEST_METHOD": "GET", "REQUEST_URI": '/a?b="c\\d"', "PATH_INFO": "/caf\u00c3\u00a9"}


def serving(cores: int = 1, snapshot: int = 4096, slots: int = 1) -> Board:
    """A board where worker 1 serves at seat 0."""
    board = Board(slots, cores, snapshot)
    board.sit_down(0, slot=1, generation=3, now=1700000000.5)
    board.pid[0] = 4711
    board.phase[0] = Phase.READY
    board.current[0] = 0
    board.respawns[0] = 1
    return board


def begin(board: Board, kind: RequestKind, data: bytes, core: int = 0) -> None:
    """Let *core* of seat 0 begin a request."""
    size = min(len(data), board.snapshot)
    board.snapshot_of(0, core)[:size] = data[:size]
    board.request_kind[core] = kind
    board.request_size[core] = size
    board.started[core] = 1700000100.75
    board.in_request[core] += 1


def leaves(value: Any) -> list[Any]:
    """Every scalar of a document."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


class DocumentTests(SynchronousTestCase):
    def document(self, board: Board | None = None, **more: Any) -> dict[str, Any]:
        return report(StatsFacts(board or serving(), **more))

    def test_keys_in_their_order(self) -> None:
        """Instance, worker, application and core have uWSGI's keys in uWSGI's order."""
        made = self.document(apps=[AppFacts()])
        self.assertEqual(list(made), TOP)
        self.assertEqual(list(made["workers"][0]), WORKER)
        self.assertEqual(list(made["workers"][0]["cores"][0]), CORE)
        self.assertEqual(
            list(made["workers"][0]["apps"][0]),
            ["id", "modifier1", "mountpoint", "startup_time", "requests", "exceptions", "chdir"],
        )
        self.assertFalse(set(UWSGITOP) - set(made["workers"][0]))

    def test_only_integers_and_texts(self) -> None:
        """No float, no boolean and no null anywhere: exporters decode into typed fields."""
        board = serving(cores=2)
        begin(board, RequestKind.UWSGI, write_vars(VARS))
        made = self.document(
            board, apps=[AppFacts()], sockets=[SocketFacts("127.0.0.1:3031", "uwsgi", 3, 100, shared=True)]
        )
        self.assertEqual({type(leaf) for leaf in leaves(made)}, {int, str})

    def test_sockets_that_can_offload(self) -> None:
        """With threads that send files, those where an answer ends with its connection can be offloaded."""
        listeners = [
            Listener(0, name, name, 5, Family.UNIX, name) for name in ("uwsgi", "http", "fastcgi", "scgi")
        ]
        for offloads, able in ((True, [True, True, False, False]), (False, [False] * 4)):
            found = socket_facts(listeners, lambda fd: (0, 0), offloads)
            self.assertEqual([one.can_offload for one in found], able)

    def test_sockets_and_queue(self) -> None:
        """listen_queue and load are the longest queue of all sockets."""
        listeners = [
            Listener(0, "127.0.0.1:3031", "127.0.0.1:3031", 5, Family.INET, "uwsgi"),
            Listener(1, "/run/a.sock", "/run/a.sock", 6, Family.UNIX, "http", shared=True),
        ]
        found = socket_facts(listeners, {5: (2, 100), 6: (9, 128)}.__getitem__)
        made = self.document(sockets=found, queue_errors=4)
        self.assertEqual((made["listen_queue"], made["load"], made["listen_queue_errors"]), (9, 9, 4))
        self.assertEqual(
            made["sockets"][1],
            {
                "name": "/run/a.sock",
                "proto": "http",
                "queue": 9,
                "max_queue": 128,
                "shared": 1,
                "can_offload": 0,
            },
        )

    def test_locks(self) -> None:
        """The first lock is user 0, the thunder lock is there only when it is on, holders are named."""
        made = self.document(holders={"rpc": 12}, user_locks=1)
        self.assertEqual(made["locks"][:2], [{"user 0": 0}, {"user 1": 0}])
        self.assertIn({"rpc": 12}, made["locks"])
        self.assertNotIn("thunder", lock_names(False))
        self.assertIn({"thunder": 0}, self.document(thunder=True)["locks"])

    def test_slots_without_workers(self) -> None:
        """Every configured worker has a row; those never spawned have the id 0 and are cheap."""
        board = serving(slots=3, cores=2)
        board.cheaped[1] = board.cheaped[2] = 1
        rows = self.document(board)["workers"]
        self.assertEqual([row["id"] for row in rows], [1, 0, 0])
        self.assertEqual([row["status"] for row in rows], ["idle", "cheap", "cheap"])
        self.assertEqual([core["id"] for core in rows[2]["cores"]], [0, 1])

    def test_without_cores(self) -> None:
        """stats-no-cores leaves the key out."""
        self.assertNotIn("cores", self.document(cores=False)["workers"][0])

    def test_a_request_in_progress(self) -> None:
        """A busy core shows the variables of its request and when it began."""
        board = serving(cores=2)
        begin(board, RequestKind.UWSGI, write_vars(VARS), core=1)
        worker = self.document(board)["workers"][0]
        self.assertEqual(worker["status"], "busy")
        idle, busy = worker["cores"]
        self.assertEqual((idle["in_request"], idle["vars"], idle["req_info"]), (0, [], {}))
        self.assertEqual((busy["in_request"], busy["req_info"]), (1, {"request_start": 1700000100}))
        self.assertEqual(
            busy["vars"],
            ["REQUEST_METHOD=GET", 'REQUEST_URI=/a?b="c\\d"', "PATH_INFO=/café", ""],
        )

    def test_a_version_like_uwsgi_s(self) -> None:
        """The version is a dotted number that clients can print."""
        self.assertRegex(self.document()["version"], r"^\d+\.\d+")


class SnapshotTests(SynchronousTestCase):
    HEAD = b"192.0.2.7\nGET /shop?x=1 HTTP/1.1\r\nHost: example\r\nX-Long: " + b"y" * 100 + b"\r\n\r\n"

    def test_http(self) -> None:
        """The head of an HTTP request is told as variables too."""
        board = serving()
        begin(board, RequestKind.HTTP, self.HEAD)
        found = vars_of(board, 0, 0)
        self.assertIn("REQUEST_URI=/shop?x=1", found)
        self.assertIn("HTTP_HOST=example", found)
        self.assertIn("REMOTE_ADDR=192.0.2.7", found)
        self.assertEqual(found[-1], "")

    def test_a_head_larger_than_the_snapshot(self) -> None:
        """Of a head that did not fit, the request line is told."""
        board = serving(snapshot=60)
        begin(board, RequestKind.HTTP, self.HEAD)
        self.assertEqual(
            vars_of(board, 0, 0),
            [
                "REQUEST_METHOD=GET",
                "REQUEST_URI=/shop?x=1",
                "SERVER_PROTOCOL=HTTP/1.1",
                "REMOTE_ADDR=192.0.2.7",
                "",
            ],
        )

    def test_variables_larger_than_the_snapshot(self) -> None:
        """Of a block that did not fit, the variables that are whole are told."""
        board = serving(snapshot=40)
        begin(board, RequestKind.UWSGI, write_vars(VARS))
        self.assertEqual(vars_of(board, 0, 0)[0], "REQUEST_METHOD=GET")

    def test_a_request_that_changes_under_the_reader(self) -> None:
        """A copy is dropped when the counter moved meanwhile."""
        board = serving()
        begin(board, RequestKind.UWSGI, write_vars(VARS))
        original = board.snapshot_of

        def snapshot_of(seat: int, core: int) -> memoryview:
            board.in_request[0] += 2
            return original(seat, core)

        board.snapshot_of = snapshot_of  # type: ignore[method-assign]
        self.assertEqual(vars_of(board, 0, 0), [])

    def test_idle(self) -> None:
        """An idle core has no variables although its last snapshot is still there."""
        board = serving()
        begin(board, RequestKind.UWSGI, write_vars(VARS))
        board.in_request[0] += 1
        self.assertEqual(vars_of(board, 0, 0), [])

    @given(st.sampled_from(list(RequestKind)), st.binary(max_size=200))
    @settings(deadline=None, max_examples=200)
    def test_any_bytes(self, kind: RequestKind, data: bytes) -> None:
        """No snapshot, however broken, breaks the document."""
        board = serving()
        begin(board, kind, data)
        made = report(StatsFacts(board))
        self.assertEqual(json.loads(layout(made)), made)


class LayoutTests(SynchronousTestCase):
    def test_both_layouts_say_the_same(self) -> None:
        """The document with tabs and the minified one are equal to a parser."""
        made = report(StatsFacts(serving(), apps=[AppFacts()]))
        self.assertEqual(json.loads(layout(made)), json.loads(layout(made, minified=True)))

    def test_bytes(self) -> None:
        """Tabs by depth and nothing after a colon; minified has no blank at all."""
        self.assertEqual(layout({"a": [1, 2], "b": {}}), b'{\n\t"a":[\n\t\t1,\n\t\t2\n\t],\n\t"b":{}\n}')
        self.assertEqual(layout({"a": [1, 2]}, minified=True), b'{"a":[1,2]}')

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    @settings(deadline=None, max_examples=100)
    def test_any_text_stays_valid_json(self, text: str) -> None:
        """Quotes, backslashes and control characters in any text come back as they were."""
        made = report(StatsFacts(serving(), cwd=text, sockets=[SocketFacts(text, "uwsgi")]))
        read = json.loads(layout(made))
        self.assertEqual((read["cwd"], read["sockets"][0]["name"]), (text, text))

    def test_file_names_that_are_no_text(self) -> None:
        """A folder named in latin-1 does not bring lone surrogates into the document."""
        made = report(StatsFacts(serving(), cwd="/srv/caf\udce9"))
        self.assertEqual(made["cwd"], "/srv/caf\ufffd")
