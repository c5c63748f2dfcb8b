"""The engine ``loki``."""

from __future__ import annotations

import gzip
import json
import socket

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.loki import PATH, Loki
from uwsgid.logs.loggers.posting import Poster

SETTINGS = settings_of("")


class LokiTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.posts: list[tuple[bytes, dict[str, str]]] = []
        self.answer: tuple[int, str] | OSError = (204, "")
        self.patch(Poster, "post", lambda _, body, headers: self.post(body, headers))

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        self.posts.append((body, headers))
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer

    def test_member(self) -> None:
        """It is registered, and may wait."""
        self.assertIs(loggers["loki"], Loki)
        self.assertTrue(Loki.SLOW)

    def test_batch(self) -> None:
        """A batch is one stream with its labels, in which every record has a time of its own."""
        poster, labels, tenant = Loki._read("http://127.0.0.1:3100,app=shop,tenant=ann,host=web1")
        engine = Loki(poster, labels, tenant, clock=lambda: 1378195872_000000001)
        engine.write([b"one\n", b'"two"\n\xff'])
        ((body, headers),) = self.posts
        self.assertEqual(
            json.loads(gzip.decompress(body)),
            {
                "streams": [
                    {
                        "stream": {"job": "uwsgi", "host": "web1", "app": "shop"},
                        "values": [
                            ["1378195872000000001", "one"],
                            ["1378195872000000002", '"two"\n\N{REPLACEMENT CHARACTER}'],
                        ],
                    }
                ]
            },
        )
        self.assertEqual(headers["X-Scope-OrgID"], "ann")
        self.assertEqual((headers["Content-Type"], headers["Content-Encoding"]), ("application/json", "gzip"))
        self.assertEqual(poster.path, PATH)

    def test_compressed(self) -> None:
        """What repeats itself, as logs do, is a fraction of its size on its way."""
        engine = Loki.from_argument("http://127.0.0.1:3100", SETTINGS)
        self.addCleanup(engine.close)
        records = [
            b"[pid: 1|app: 0|req: %d/1] 127.0.0.1 () {36 vars in 624 bytes} GET /\n" % at for at in range(500)
        ]
        engine.write(records)
        ((body, _),) = self.posts
        self.assertLess(len(body) * 4, sum(map(len, records)))
        self.assertEqual(len(json.loads(gzip.decompress(body))["streams"][0]["values"]), 500)

    def test_defaults(self) -> None:
        """Without labels it has a job and the host."""
        engine = Loki.from_argument("http://127.0.0.1:3100/other", SETTINGS)
        self.addCleanup(engine.close)
        engine.write([b"one"])
        self.assertEqual(
            json.loads(gzip.decompress(self.posts[0][0]))["streams"][0]["stream"],
            {"job": "uwsgi", "host": socket.gethostname()},
        )
        self.assertNotIn("X-Scope-OrgID", self.posts[0][1])

    def test_refused(self) -> None:
        """What the server says, or that it is away, becomes the reason; a password does not."""
        engine = Loki.from_argument("http://me:secret@127.0.0.1:3100", SETTINGS)
        for answer, expected in (
            ((429, "too many"), "http://127.0.0.1:3100 answered 429 too many"),
            ((500, ""), "http://127.0.0.1:3100 answered 500"),
            (ConnectionRefusedError(111, "Connection refused"), "http://127.0.0.1:3100: Connection refused"),
        ):
            self.answer = answer
            self.assertEqual(str(self.assertRaises(OSError, engine.write, [b"one"])), expected)

    def test_mistakes(self) -> None:
        """It needs a URL, and labels that Loki takes."""
        for argument in ("", "127.0.0.1:3100", "http://a,b", "http://a,b-c=d", "http://a,1=d"):
            with self.assertRaises(ConfigError, msg=argument):
                Loki.check_argument(argument, SETTINGS)
