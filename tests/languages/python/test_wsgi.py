"""The contract between the server and a WSGI application."""

from __future__ import annotations

import io
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest import mock
from wsgiref.validate import validator

from tests.loops.support import Worker, WorkerCase, get, hello, read_all, request, until
from uwsgid._version import __version__
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.languages.python.environ import FileWrapper
from uwsgid.languages.python.wsgi import NO_APP
from uwsgid.languages.python.wsgi_options import WsgiOptions
from uwsgid.wire.uwsgi import packet

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], None]]
ERROR = (
    b"500 Internal Server Error\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nInternal Server Error"
)


class AppCase(WorkerCase):
    """Applications that are asked once.

    :ivar errors: what went to the standard error of the process.
    """

    def setUp(self) -> None:
        self.errors = io.StringIO()
        patched = mock.patch.object(sys, "stderr", self.errors)
        patched.start()
        self.addCleanup(patched.stop)

    def answer(self, app: Any, data: bytes = b"", config: str = "") -> bytes:
        """What *app* makes of a uwsgi packet."""
        self.running = self.worker(app, config)
        answer = self.ask(self.running, data or request())
        until(lambda: self.running.served)
        return answer

    def raises(self, kind: type[Exception], text: str, *args: Any) -> None:
        """start_response(*args) raises *kind* with *text*, and the application can go on."""
        caught: list[Exception] = []

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            try:
                start_response(*args)
            except Exception as error:
                caught.append(error)
            return hello(environ, start_response)

        self.assertTrue(self.answer(app).endswith(b"hello /"))
        self.assertEqual([(type(error), str(error)) for error in caught], [(kind, text)])


class BrokenBodyTests(AppCase):
    def test_circular_causes(self) -> None:
        """An exception that is its own cause is an exception like any other."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            error = KeyError("mine")
            error.__cause__ = error
            raise error

        self.assertTrue(self.answer(app).endswith(ERROR))

    def test_another_error_meanwhile(self) -> None:
        """An application that fails over a broken body by a mistake of its own is answered for with a 500."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            try:
                environ["wsgi.input"].read()
            except OSError:
                raise KeyError("mine")  # noqa: B904
            return []

        self.running = self.worker(app)
        client = self.uwsgi(self.running)
        client.sendall(request(CONTENT_LENGTH="9") + b"x")
        client.shutdown(socket.SHUT_WR)
        self.assertTrue(read_all(client).endswith(ERROR))
        self.assertIn("KeyError: 'mine'", self.errors.getvalue())


class StartResponseTests(AppCase):
    def test_refusals(self) -> None:
        """What is no status or header is refused in uWSGI's words."""
        for text, *args in (
            ("http status must be a string", b"200 OK", []),
            ("http status string must be encodable in latin1", "200 \u20ac", []),
            ("http headers must be in a python list", "200 OK", ()),
            ("http header must be defined in a tuple", "200 OK", ["x"]),
            ("http header must be a 2-item tuple", "200 OK", [("a", "b", "c")]),
            ("http header key must be a string", "200 OK", [(b"a", "b")]),
            ("http header value must be a string", "200 OK", [("a", 1)]),
            ("http header must be encodable in latin1", "200 OK", [("a", "\u20ac")]),
        ):
            self.raises(TypeError, str(text), *args)

    def test_too_late(self) -> None:
        """Once the head has left, start_response refuses, or raises what it was given."""
        caught: list[BaseException] = []

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"one"
            for info in (None, (KeyError, KeyError("mine"), None)):
                try:
                    start_response("500 Oops", [], info)
                except Exception as error:
                    caught.append(error)
            yield b"two"

        self.assertTrue(self.answer(app).endswith(b"200 OK\r\n\r\nonetwo"))
        self.assertEqual([str(error) for error in caught], ["headers already sent", "'mine'"])

    def test_exc_info_in_time(self) -> None:
        """Before the head has left, a second start_response with exc_info replaces the first."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("A", "b")])
            try:
                raise KeyError("x")
            except KeyError:
                start_response("500 Oops", [], sys.exc_info())
            return [b"sorry"]

        self.assertTrue(self.answer(app).endswith(b"HTTP/1.1 500 Oops\r\n\r\nsorry"))

    def test_write(self) -> None:
        """start_response returns write(), whose bytes come before those of the iterable."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            write = start_response("200 OK", [])
            write(b"one ")
            write(b"two ")
            return [b"three"]

        self.assertTrue(self.answer(app).endswith(b"\r\n\r\none two three"))

    def test_nodelay(self) -> None:
        """Under start_response-nodelay the head leaves at once, so a second one is too late."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])
            start_response("404 Not Found", [])
            return []

        self.assertIn(b" 404 ", self.answer(app))
        self.assertIn(b" 200 ", self.answer(app, config="start_response-nodelay = true"))

    def test_splitting_is_an_error_of_the_application(self) -> None:
        """A line end within a header becomes a 500; nothing of it reaches the client."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("X", "a\r\nSet-Cookie: b")])
            return [b"never"]

        self.assertTrue(self.answer(app).endswith(ERROR))


class ResultTests(AppCase):
    def test_kinds_of_results(self) -> None:
        """Lists, tuples, generators, bytes, text and nothing at all are sent as they are."""

        def generator() -> Iterator[bytes]:
            yield b"a"
            yield b""
            yield b"b"

        for result, sent in (
            ([b"a"], b"a"),
            ([], b""),
            ([b"a", b"b"], b"ab"),
            ((b"a",), b"a"),
            (generator(), b"ab"),
            (b"bytes", b"bytes"),
            ("text", b"text"),
            (None, b""),
            ([bytearray(b"x"), memoryview(b"y")], b"xy"),
        ):

            def app(environ: Environ, start_response: StartResponse, result: Any = result) -> Any:
                start_response("200 OK", [])
                return result

            self.assertEqual(self.answer(app), b"HTTP/1.1 200 OK\r\n\r\n" + sent)

    def test_strict(self) -> None:
        """wsgi-strict refuses bytes in place of an iterable of bytes."""

        def app(environ: Environ, start_response: StartResponse) -> Any:
            start_response("200 OK", [])
            return b"bytes"

        self.assertTrue(self.answer(app, config="wsgi-strict = true").endswith(ERROR))

    def test_what_is_no_bytes(self) -> None:
        """An item that is no bytes is left out, and the log says so."""

        def app(environ: Environ, start_response: StartResponse) -> Any:
            start_response("200 OK", [])
            return [b"a", 7, b"b"]

        self.assertTrue(self.answer(app).endswith(b"\r\n\r\nab"))
        self.assertEqual(self.running.said, ["[ERROR] Unhandled object from iterator: 7"])

    def test_start_response_may_come_with_the_first_item(self) -> None:
        """A generator calls start_response when it is asked for its first bytes."""

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"late"

        self.assertTrue(self.answer(app).endswith(b"\r\n\r\nlate"))

    def test_no_start_response(self) -> None:
        """Bytes without a status are an error of the application."""
        for result in ([b"x"], [b"x", b"y"], [], b"x"):
            self.assertTrue(self.answer(lambda environ, start, result=result: result).endswith(ERROR))

    def test_close_is_always_called(self) -> None:
        """close() of the iterable is called after success, failure, and a client that left."""
        closed: list[str] = []

        class Result:
            def __init__(self, name: str, items: Iterable[Any]) -> None:
                self.name = name
                self.items = items

            def __iter__(self) -> Iterator[Any]:
                yield from self.items
                if self.name == "failure":
                    raise KeyError(self.name)

            def close(self) -> None:
                closed.append(self.name)

        def app(environ: Environ, start_response: StartResponse) -> Any:
            start_response("200 OK", [])
            return Result(environ["PATH_INFO"][1:], [b"x", b"y"])

        worker = self.worker(app)
        for path in ("/success", "/failure"):
            self.ask(worker, request(PATH_INFO=path))
        self.assertEqual(closed, ["success", "failure"])

    def test_a_client_that_left(self) -> None:
        """A client that left ends the iteration and calls close(); it is no exception of the application."""
        closed: list[bool] = []

        class Endless:
            def __iter__(self) -> Iterator[bytes]:
                while True:
                    yield bytes(100000)

            def close(self) -> None:
                closed.append(True)

        def app(environ: Environ, start_response: StartResponse) -> Any:
            start_response("200 OK", [])
            return Endless()

        worker = self.worker(app)
        client = self.uwsgi(worker)
        client.sendall(request())
        client.recv(10)
        client.close()
        worker.leave()
        worker.join()
        self.assertEqual((closed, worker.board.exceptions[0], self.errors.getvalue()), ([True], 0, ""))
        self.assertEqual(worker.board.write_errors[0], 1)

    def test_files(self) -> None:
        """A file goes from where it stands to its end, a thing without a descriptor is read."""
        with tempfile.TemporaryFile() as file:
            file.write(b"0123456789")
            file.flush()

            def app(environ: Environ, start_response: StartResponse) -> Any:
                start_response("200 OK", [])
                file.seek(4)
                return environ["wsgi.file_wrapper"](mock.Mock(wraps=file, close=None), 4)

            self.assertTrue(self.answer(app).endswith(b"\r\n\r\n456789"))
            self.assertEqual(self.running.served[0].reply.via, "sendfile()")

            def memory(environ: Environ, start_response: StartResponse) -> Any:
                start_response("200 OK", [])
                return environ["wsgi.file_wrapper"](io.BytesIO(b"in memory"), 4)

            self.assertTrue(self.answer(memory).endswith(b"\r\n\r\nin memory"))

    def test_file_wrapper(self) -> None:
        """Wrapped by a middleware, the wrapper is an iterable that closes its file."""
        file = io.BytesIO(b"0123456789")
        wrapper = FileWrapper(file, 4)
        self.assertEqual(list(wrapper), [b"0123", b"4567", b"89"])
        wrapper.close()
        self.assertTrue(file.closed)
        self.assertEqual(list(FileWrapper(io.BytesIO(b"whole"))), [b"whole"])


class ExceptionTests(AppCase):
    def test_before_the_head(self) -> None:
        """An exception gives a 500, a traceback in the log, and counts."""

        def app(environ: Environ, start_response: StartResponse) -> Any:
            raise KeyError("my mistake")

        self.assertTrue(self.answer(app).endswith(ERROR))
        self.assertIn("KeyError: 'my mistake'", self.errors.getvalue())
        self.assertEqual(self.running.board.exceptions[0], 1)
        self.assertEqual(next(iter(self.running.apps)).exceptions, 1)
        self.assertEqual(self.running.served[0].reply.status, 500)
        self.assertTrue(self.ask(self.running, request()).endswith(ERROR))

    def test_behind_the_head(self) -> None:
        """An exception in the middle of a body cuts it; chunked, the client can tell."""

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"half"
            raise ValueError

        self.assertTrue(self.answer(app).endswith(b"\r\n\r\nhalf"))
        self.assertFalse(self.fetch(self.running, get()).endswith(b"0\r\n\r\n"))

    def test_not_even_systemexit(self) -> None:
        """sys.exit() and KeyboardInterrupt in an application end the request, not the worker."""
        for error in (SystemExit(3), KeyboardInterrupt()):

            def app(environ: Environ, start_response: StartResponse, error: BaseException = error) -> Any:
                raise error

            self.assertTrue(self.answer(app).endswith(ERROR))
            self.assertIn(type(error).__name__, self.errors.getvalue())
            self.assertTrue(self.ask(self.running, request()).endswith(ERROR))

    def test_close_may_fail(self) -> None:
        """An exception of close() is logged and counted; the answer stands."""

        class Result(list[bytes]):
            def close(self) -> None:
                raise KeyError("in close")

        def app(environ: Environ, start_response: StartResponse) -> Any:
            start_response("200 OK", [])
            return Result([b"fine"])

        self.assertTrue(self.answer(app).endswith(b"\r\n\r\nfine"))
        self.assertIn("in close", self.errors.getvalue())

    def test_catch_exceptions(self) -> None:
        """catch-exceptions shows the traceback to the client."""

        def app(environ: Environ, start_response: StartResponse) -> Any:
            raise KeyError("see me")

        answer = self.answer(app, config="catch-exceptions = true")
        self.assertIn(b"\r\nContent-Type: text/plain\r\n", answer)
        self.assertIn(b"KeyError: 'see me'", answer)

    def test_reload_on_exception(self) -> None:
        """A monitored exception makes the worker leave with 5; others do not."""
        for config, leaves in (
            ("reload-on-exception = true", True),
            ("reload-on-exception-type = KeyError", True),
            ("reload-on-exception-type = ValueError", False),
            ("reload-on-exception-value = 'x'", True),
            ("reload-on-exception-repr = KeyError: 'x'", True),
            ("reload-on-exception-repr = KeyError", False),
        ):

            def app(environ: Environ, start_response: StartResponse) -> Any:
                raise KeyError("x")

            self.answer(app, config=config)
            farewell = self.running.serving.farewell
            self.assertEqual((farewell.due, farewell.code), (leaves, 5 if leaves else 0), config)

    def test_no_application(self) -> None:
        """Without an application the answer is 500, and the log says where to look."""
        self.assertTrue(self.answer(None).endswith(ERROR))
        self.assertEqual(self.running.said, [NO_APP])
        self.assertEqual(self.running.served[0].app_id, -1)


class EnvironTests(AppCase):
    def environ(self, data: bytes = b"", config: str = "") -> Environ:
        """The environ of a request."""
        seen: list[Environ] = []

        def app(environ: Environ, start_response: StartResponse) -> Any:
            seen.append(dict(environ))
            return hello(environ, start_response)

        self.answer(app, data, config)
        return seen[0]

    def test_keys(self) -> None:
        """The environ is that of uWSGI: variables as text, versions as bytes, no more than it promises."""
        environ = self.environ(request(HTTP_X="\xe4"))
        self.assertEqual(type(environ), dict)
        self.assertEqual(environ["HTTP_X"], "\xe4")
        self.assertEqual(environ["wsgi.version"], (1, 0))
        self.assertEqual(environ["uwsgi.version"], __version__.encode())
        self.assertEqual(type(environ["uwsgi.node"]), bytes)
        self.assertIs(environ["wsgi.errors"], self.errors)
        for key in ("wsgi.run_once", "wsgi.multithread", "wsgi.multiprocess"):
            self.assertIs(environ[key], False)
        self.assertNotIn("uwsgi.core", environ)
        self.assertNotIn("wsgi.input_terminated", environ)
        self.assertNotIn("REMOTE_PORT", environ)
        self.assertIs(self.environ(config="processes = 2")["wsgi.multiprocess"], True)

    def test_scheme(self) -> None:
        """The scheme is https where HTTPS says on or 1, and what UWSGI_SCHEME says in any case."""
        for vars, scheme in (
            ({}, "http"),
            ({"HTTPS": "on"}, "https"),
            ({"HTTPS": "ON"}, "https"),
            ({"HTTPS": "1"}, "https"),
            ({"HTTPS": "off"}, "http"),
            ({"HTTPS": ""}, "http"),
            ({"UWSGI_SCHEME": "https"}, "https"),
            ({"UWSGI_SCHEME": "http", "HTTPS": "on"}, "http"),
        ):
            self.assertEqual(self.environ(request(**vars))["wsgi.url_scheme"], scheme, vars)

    def test_modifier_30(self) -> None:
        """Modifier 30 takes SCRIPT_NAME off PATH_INFO."""
        data = packet(
            30, {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/app", "PATH_INFO": "/app/x", "SERVER_NAME": "a"}
        )
        environ = self.environ(data)
        self.assertEqual((environ["SCRIPT_NAME"], environ["PATH_INFO"]), ("/app", "/x"))

    def test_http(self) -> None:
        """Over HTTP the server says its name, its port and the address of the client."""
        seen: list[Environ] = []

        def app(environ: Environ, start_response: StartResponse) -> Any:
            seen.append(dict(environ))
            return hello(environ, start_response)

        worker = self.worker(app)
        self.fetch(worker, get("/a%20b?c=d", headers="Connection: close\r\n"))
        environ = seen[0]
        self.assertEqual(environ["PATH_INFO"], "/a b")
        self.assertEqual(environ["QUERY_STRING"], "c=d")
        self.assertEqual(environ["REMOTE_ADDR"], "127.0.0.1")
        self.assertEqual(environ["SERVER_PORT"], str(worker.address[1]))
        self.assertTrue(environ["SERVER_NAME"])

    def test_chunked_input(self) -> None:
        """A chunked body is read to its end, and wsgi.input_terminated says that this is safe."""

        def app(environ: Environ, start_response: StartResponse) -> Any:
            start_response("200 OK", [])
            return [b"%r %b" % (environ["wsgi.input_terminated"], environ["wsgi.input"].read())]

        worker = self.worker(app)
        answer = self.fetch(
            worker,
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        )
        self.assertTrue(answer.endswith(b"True abcde"))

    def test_env_behaviour(self) -> None:
        """Whatever wsgi-env-behaviour says, an environ belongs to one request; other words are refused."""
        self.assertEqual(settings_of("wsgi-env-behavior = cheat")[WsgiOptions].env_behaviour, "cheat")
        self.assertRaises(ConfigProblems, settings_of, "wsgi-env-behaviour = odd")

    def test_validator(self) -> None:
        """The validator of the standard library finds nothing wrong, in GET and POST, over both protocols."""

        def app(environ: Environ, start_response: Any) -> Any:
            data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0) or 1)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"got ", data]

        worker: Worker = self.worker(validator(app))
        vars = {"SCRIPT_NAME": "", "QUERY_STRING": ""}
        self.assertTrue(self.ask(worker, request(**vars)).endswith(b"\r\n\r\ngot "))
        posted = request(**vars, REQUEST_METHOD="POST", CONTENT_LENGTH="4") + b"body"
        self.assertTrue(self.ask(worker, posted).endswith(b"\r\n\r\ngot body"))
        client = self.http(worker)
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
        self.assertTrue(read_all(client).endswith(b"0\r\n\r\n"))
        self.assertEqual(self.errors.getvalue(), "")
