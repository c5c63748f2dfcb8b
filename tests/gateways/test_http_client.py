"""What the HTTP gateway does with clients, good, slow and bad."""

from __future__ import annotations

import socket
import time

from tests.gateways.http_stage import GET, OK, PATIENCE, Played, Stage
from uwsgid.gateways.http_router import HttpTerms
from uwsgid.gateways.http_upstream import Node

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\n\r\nsome"


class Passing(Stage):
    """Requests and answers."""

    def test_request(self) -> None:
        """An instance gets the variables of uWSGI's router, and the client the answer as it was said."""
        self.open()
        client = self.client(GET)
        worker, vars, body = self.instance.asked()
        self.assertEqual(
            {name: vars.pop(name) for name in ("REMOTE_ADDR", "REMOTE_PORT")},
            {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": str(client.getsockname()[1])},
        )
        self.assertEqual(
            (vars, body),
            (
                {
                    "REQUEST_METHOD": "GET",
                    "REQUEST_URI": "/a?b=c",
                    "PATH_INFO": "/a",
                    "QUERY_STRING": "b=c",
                    "SERVER_PROTOCOL": "HTTP/1.1",
                    "SCRIPT_NAME": "",
                    "HTTP_HOST": "shop.example",
                    "SERVER_NAME": "me",
                },
                b"",
            ),
        )
        worker.send(CLOSED)
        worker.close()
        self.assertEqual(self.all_heard(client), CLOSED)

    def test_keep_alive(self) -> None:
        """An answer with a length leaves the connection to the next request, known or new."""
        self.open()
        client = self.client()
        for ask in (GET, GET, GET.replace(b"/a", b"/b"), GET):
            client.send(ask)
            worker, vars, _ = self.instance.asked()
            self.assertEqual(vars["REQUEST_URI"].encode(), ask.split()[1])
            worker.send(OK)
            worker.close()
            self.assertEqual(self.heard(client, len(OK)), OK)
        self.assertEqual(self.router.requests, 4)

    def test_pipelining(self) -> None:
        """Requests that come together are answered one after the other."""
        self.open()
        client = self.client(GET + GET.replace(b"GET", b"HEAD") + GET)
        for answer in (OK, OK[:-2], OK):
            worker, _, _ = self.instance.asked()
            worker.send(answer)
            worker.close()
            self.assertEqual(self.heard(client, len(answer)), answer)

    def test_close(self) -> None:
        """A client that wants no further request gets none, nor does one of HTTP/1.0."""
        self.open()
        for ask in (
            GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        ):
            client = self.client(ask)
            worker, _, _ = self.instance.asked()
            worker.send(OK)
            self.assertEqual(self.all_heard(client), OK, ask)

    def test_body_is_collected(self) -> None:
        """An instance hears of a request when the last byte of its body is there."""
        self.open()
        client = self.client(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        self.until(lambda: self.router.sessions and next(iter(self.router.sessions)).up_size == 2)
        self.assertRaises(BlockingIOError, self.instance.listener.accept)
        client.send(b"cd")
        worker, vars, body = self.instance.asked()
        self.assertEqual((vars["CONTENT_LENGTH"], body), ("4", b"abcd"))
        worker.send(OK)
        self.heard(client, len(OK))

    def test_chunks_become_a_length(self) -> None:
        """A chunked body is passed on decoded, with its length."""
        self.open()
        client = self.client(CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        worker, vars, body = self.instance.asked()
        self.assertEqual((vars["CONTENT_LENGTH"], body), ("5", b"abcde"))
        self.assertNotIn("HTTP_TRANSFER_ENCODING", vars)
        worker.send(OK)
        self.heard(client, len(OK))

    def test_large_body(self) -> None:
        """A body that memory does not take goes through a file."""
        self.open()
        size = 3_000_000
        client = self.client(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        left = size

        def push() -> bool:
            nonlocal left
            if left:
                try:
                    left -= client.send(b"x" * min(left, 1 << 16))
                except BlockingIOError:
                    pass
            return not left

        self.until(push)
        worker, _, body = self.instance.asked()
        self.assertEqual(len(body), size)
        worker.send(OK)
        self.heard(client, len(OK))

    def test_large_answer(self) -> None:
        """An instance is rid of an answer long before a slow client has it."""
        self.open()
        client = self.client(GET)
        worker, _, _ = self.instance.asked()
        left = size = 5_000_000
        worker.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)

        def push() -> bool:
            nonlocal left
            try:
                left -= worker.send(b"x" * min(left, 1 << 16))
            except BlockingIOError:
                pass
            return not left

        self.until(push)
        worker.close()
        self.assertEqual(len(self.heard(client, size + 44)), size + 44)

    def test_expect(self) -> None:
        """A client that waits for 100 Continue gets it."""
        self.open()
        client = self.client(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        said = b"HTTP/1.1 100 Continue\r\n\r\n"
        self.assertEqual(self.heard(client, len(said)), said)
        client.send(b"ab")
        worker, _, body = self.instance.asked()
        self.assertEqual(body, b"ab")
        worker.send(OK)
        self.assertEqual(self.heard(client, len(OK)), OK)

    def test_half_closed(self) -> None:
        """A client that said its last word still gets its answer."""
        self.open()
        client = self.client(GET)
        client.shutdown(socket.SHUT_WR)
        worker, _, _ = self.instance.asked()
        worker.send(OK)
        worker.close()
        self.assertEqual(self.all_heard(client), OK)

    def test_client_gone(self) -> None:
        """An instance learns that its client reset the connection."""
        self.open()
        client = self.client(GET)
        worker, _, _ = self.instance.asked()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.until(lambda: self.receive(worker) == b"")
        self.assertEqual(self.router.sessions, set())


class Refusing(Stage):
    """What is answered by the gateway itself."""

    #: What two servers in a row could read in two ways, or nobody can read.
    CORPUS = (
        (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
        (POST + b"Content-Length: +3\r\n\r\nabc", 400),
        (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\tA: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n", 417),
        (CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n", 400),
        (CHUNKED + b"3;\r\nabc\r\n0\r\n\r\n", 400),
        (CHUNKED + b"3\nabc\r\n0\r\n\r\n", 400),
        (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400),
        (CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 5000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 120 + b"\r\n", 431),
    )  # fmt: skip

    def test_corpus(self) -> None:
        """What could be read in two ways reaches no instance, however it is cut, and is counted."""
        self.open()
        for bad, status in self.CORPUS:
            for size in (len(bad), 7):
                client = self.client()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(bad), size):
                    try:
                        client.send(bad[at : at + size])
                    except OSError:
                        break
                    if size < len(bad):
                        self.router.rounds._epoll.poll(0)
                got = self.all_heard(client)
                self.assertTrue(got.startswith(b"HTTP/1.1 %d " % status), (bad, got))
                client.close()
        self.assertRaises(BlockingIOError, self.instance.listener.accept)
        self.assertEqual(self.router.refused, 2 * len(self.CORPUS))

    def test_log(self) -> None:
        """The first is told with its reason, others of the same second are counted together."""
        self.open()
        for _ in range(3):
            self.all_heard(self.client(b"GET / HTTP/1.1\r\n\r\n"))
            self.router._said_at = self.router.rounds.now + 1000  # the second is not over yet
        self.assertRegex(
            self.lines[0],
            r"^\[uwsgi-http\] request of 127.0.0.1:\d+ refused: an HTTP/1.1 request without a Host, "
            r"answered 400 \(1 in all\)$",
        )
        self.assertEqual(len(self.lines), 1)
        self.router._said_at = -5.0
        self.reactor.advance(1.0)
        self.assertEqual(self.lines[1:], ["[uwsgi-http] 2 more requests were refused (3 in all)"])

    def test_refused_after_a_good_one(self) -> None:
        """A bad request behind a good one is answered after it."""
        self.open()
        client = self.client(GET + b"junk\r\n\r\n")
        worker, _, _ = self.instance.asked()
        worker.send(OK)
        got = self.all_heard(client)
        self.assertTrue(got.startswith(OK + b"HTTP/1.1 400 "), got)


class Limits(Stage):
    """Sizes and times."""

    terms = HttpTerms(keep_alive=True, limit_post=10, expect_limit=5, most_packet=1000, headers_timeout=5)

    def test_sizes(self) -> None:
        """limit-post, http-manage-expect and buffer-size are answered before an instance hears of it."""
        self.open()
        for ask, status in (
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 413),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n", 413),
            (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n", 413),
            (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 1000 + b"\r\n\r\n", 431),
        ):
            got = self.all_heard(self.client(ask))
            self.assertTrue(got.startswith(b"HTTP/1.1 %d " % status), (ask, got))

    def test_slow_head(self) -> None:
        """A head that does not get complete is answered with 408, a silent client with nothing."""
        self.open()
        slow, silent = self.client(b"GET / HT"), self.client()
        self.until(lambda: len(self.router.sessions) == 2)
        self.until(lambda: sorted(session.asking.idle for session in self.router.sessions) == [False, True])
        self.later(10)
        self.assertTrue(self.all_heard(slow).startswith(b"HTTP/1.1 408 "))
        self.assertEqual(self.all_heard(silent), b"")

    def test_trickle(self) -> None:
        """A byte now and then does not prolong the time for a head."""
        self.open()
        client = self.client(b"GET / HT")
        self.until(lambda: [session for session in self.router.sessions if not session.asking.idle])
        (session,) = self.router.sessions
        before = session.deadline
        client.send(b"TP")
        self.until(lambda: session.asking._decoder is not None and b"HTTP" in session.asking._decoder._buffer)
        self.assertEqual(session.deadline, before)

    def test_slow_body(self) -> None:
        """So is a body that does not get complete."""
        self.open()
        client = self.client(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        self.until(lambda: self.router.sessions and next(iter(self.router.sessions)).up_size == 2)
        self.later(100)
        self.assertTrue(self.all_heard(client).startswith(b"HTTP/1.1 408 "))


class Instances(Stage):
    """Instances that are gone, broken or late."""

    def nowhere(self) -> Node:
        return Node("gone.sock", socket.AF_UNIX, "gone.sock")

    def test_gone(self) -> None:
        """Nobody to ask is a 502, after three tries, and uWSGI's line in the log."""
        self.open(self.nowhere())
        self.assertTrue(self.all_heard(self.client(GET)).startswith(b"HTTP/1.1 502 "))
        self.assertEqual(
            self.lines,
            [
                '[uwsgi-http] unable to connect() to node "gone.sock" '
                f"({tries} retries): No such file or directory"
                for tries in range(3)
            ],
        )

    def test_next(self) -> None:
        """A request goes to the next instance; the one that failed rests."""
        self.open(self.nowhere(), self.instance.node)
        for _ in range(4):
            client = self.client(GET)
            worker, _, _ = self.instance.asked()
            worker.send(OK)
            self.assertEqual(self.heard(client, len(OK)), OK)
        self.assertEqual(self.router.nodes.all[0].failures, 1)
        self.assertIn("=> marking gone.sock as failed", self.lines[-1])

    def test_fallback(self) -> None:
        """A fallback is asked when an instance can not be reached."""
        other = Played(self, "other.sock")
        self.open(self.nowhere(), fallbacks=(other.node,))
        client = self.client(GET)
        worker, _, _ = other.asked()
        worker.send(OK)
        self.assertEqual(self.heard(client, len(OK)), OK)

    def test_untouched(self) -> None:
        """A request that nobody had begun to read is sent again, and the client never notices."""
        self.open()
        client = self.client(GET)
        self.instance.accept().close()  # with the request unread
        worker, vars, _ = self.instance.asked()
        self.assertEqual(vars["PATH_INFO"], "/a")
        worker.send(OK)
        self.assertEqual(self.heard(client, len(OK)), OK)
        self.assertEqual(self.router.retries, 1)

    def test_touched(self) -> None:
        """One that somebody read is not: it may have had effects."""
        self.open()
        client = self.client(GET)
        worker, _, _ = self.instance.asked()
        worker.close()
        self.assertTrue(self.all_heard(client).startswith(b"HTTP/1.1 502 "))
        self.assertRegex(
            self.lines[0], r"^\[uwsgi-http\] app.sock: no answer \[127.0.0.1:\d+, GET /a\?b=c\]$"
        )

    def test_nonsense(self) -> None:
        """An answer that could be read in two ways is none."""
        self.open()
        for bad in (
            b"junk\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70000,
            b"HTTP/1.1 200 O",
        ):
            client = self.client(GET)
            worker, _, _ = self.instance.asked()
            try:
                for at in range(0, len(bad), 1 << 14):
                    worker.send(bad[at : at + (1 << 14)])
                    self.work()
            except BrokenPipeError:
                pass
            worker.close()
            got = self.all_heard(client)
            self.assertTrue(got.startswith(b"HTTP/1.1 502 "), (bad[:60], got))

    def test_cut(self) -> None:
        """An answer that ends too early ends early for the client, too."""
        self.open()
        client = self.client(GET)
        worker, _, _ = self.instance.asked()
        worker.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        worker.close()
        self.assertTrue(self.all_heard(client).endswith(b"\r\n\r\nabc"))

    def test_late(self) -> None:
        """An instance that says nothing in time is answered for with 504, and learns that nobody waits."""
        self.open()
        client = self.client(GET)
        worker, _, _ = self.instance.asked()
        self.later(100)
        self.assertTrue(self.all_heard(client).startswith(b"HTTP/1.1 504 "))
        self.until(lambda: self.receive(worker) == b"")
        self.assertIn("no answer of app.sock in time", self.lines[0])

    def test_early_answer(self) -> None:
        """An instance may answer before it has read the body."""
        self.open()
        client = self.client(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200000)
        worker = self.instance.accept()
        worker.send(OK)
        self.assertEqual(self.heard(client, len(OK)), OK)


class Leaving(Stage):
    """The end of a gateway."""

    def test_answers_on_their_way(self) -> None:
        """What an instance says right then still reaches the client; who is idle is closed."""
        self.open()
        idle = self.client(GET)
        first, _, _ = self.instance.asked()
        client = self.client(GET)
        second, _, _ = self.instance.asked()
        first.send(OK)
        self.heard(idle, len(OK))
        second.send(OK)
        self.router.leave()
        self.assertEqual((self.receive(client), self.receive(client)), (OK, b""))
        self.assertEqual(self.receive(idle), b"")
        self.assertEqual(self.router.sessions, set())

    def test_stubborn(self) -> None:
        """An instance that says nothing is waited for a moment only."""
        self.open()
        client = self.client(GET)
        self.instance.asked()
        began = time.monotonic()
        self.router.leave()
        self.assertLess(time.monotonic() - began, PATIENCE)
        self.assertEqual(self.receive(client), b"")


class Chunked(Stage):
    """http-auto-chunked."""

    terms = HttpTerms(keep_alive=True, auto_chunked=True)

    def test_chunks(self) -> None:
        """An answer without a length goes out in chunks, and the connection stays."""
        self.open()
        client = self.client(GET)
        for _ in range(2):
            worker, _, _ = self.instance.asked()
            worker.send(CLOSED)
            worker.close()
            chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n"
            self.assertEqual(self.heard(client, len(chunked)), chunked)
            client.send(GET)

    def test_old_clients(self) -> None:
        """A client of HTTP/1.0 gets plain bytes, whatever the instance sends."""
        self.open()
        for answer in (
            CLOSED,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n",
        ):
            client = self.client(b"GET / HTTP/1.0\r\n\r\n")
            worker, _, _ = self.instance.asked()
            worker.send(answer)
            worker.close()
            self.assertEqual(self.all_heard(client), CLOSED)
