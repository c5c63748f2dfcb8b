"""A WSGI application that shows what it was given and does what it is told: the server's stethoscope."""

import hashlib
import json
import os
import pathlib
import signal
import sys
import time
from urllib.parse import parse_qs

HELD = []
FILE = pathlib.Path(__file__)


def plain(value):
    """What JSON can say about a value of the environ."""
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, (str, bool, int, type(None), tuple, list)):
        return value
    return {"type": "object"}


def environ_page(environ, start_response):
    body = json.dumps({key: plain(value) for key, value in sorted(environ.items())}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def read_environ_page(environ, start_response):
    """The same once the body is read, so that nothing is left on the connection."""
    environ["wsgi.input"].read()
    return environ_page(environ, start_response)


def pid_page(environ, start_response):
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def digest_page(environ, start_response):
    """The length and the digest of the body."""
    data = environ["wsgi.input"].read()
    body = f"{len(data)} {hashlib.sha256(data).hexdigest()}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def lines_page(environ, start_response):
    """How often readline and iteration found a line."""
    first = environ["wsgi.input"].readline()
    rest = list(environ["wsgi.input"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [json.dumps([first.decode("latin-1"), [line.decode("latin-1") for line in rest]]).encode()]


def stream_page(environ, start_response):
    """A body of no announced length, in pieces."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Piece", "one"), ("X-Piece", "two")])
    for number in range(5):
        yield f"piece {number}\n".encode()


def write_page(environ, start_response):
    write = start_response("201 Created", [("Content-Type", "text/plain")])
    write(b"written, ")
    write(b"then ")
    return [b"returned"]


def empty_page(environ, start_response):
    start_response("204 No Content", [])
    return []


def redirect_page(environ, start_response):
    start_response(
        "302 Found", [("Location", "/elsewhere?a=b"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    )
    return [b""]


def file_page(environ, start_response):
    start_response(
        "200 OK", [("Content-Type", "text/x-python"), ("Content-Length", str(FILE.stat().st_size))]
    )
    return environ["wsgi.file_wrapper"](FILE.open("rb"), 4096)


def large_page(environ, start_response):
    """100 KiB in which no two places look alike."""
    body = b"".join(b"%015d\n" % number for number in range(6400))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def missing_page(environ, start_response):
    body = b"there is no such thing"
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def odd_page(environ, start_response):
    """Headers as few applications have them."""
    body = b"odd"
    start_response(
        "299 Rather Odd",
        [
            ("Content-Type", 'text/plain; charset="utf-8"'),
            ("Content-Length", str(len(body))),
            ("X-Quoted", 'a "b" \\ c; d=(e), <f>'),
            ("X-Latin", "gr\u00fc\u00dfe"),
            ("X-Empty", ""),
            ("x-lower_and!#$%&'*+.^`|~0", "a:b::c"),
            ("X-Long", "l" * 2000),
            ("Vary", "Accept"),
            ("Vary", "Cookie"),
        ],
    )
    return [body]


def sleep_page(environ, start_response):
    seconds = float(parse_qs(environ["QUERY_STRING"]).get("s", ["0.1"])[0])
    time.sleep(seconds)
    return pid_page(environ, start_response)


def forever_page(environ, start_response):
    print("the application sleeps for ever", flush=True)
    while True:
        time.sleep(60)


def until_page(environ, start_response):
    """Answer when the file that the query names is there; the log says when it begins and when it is over."""
    print("the application waits", flush=True)
    while not os.path.exists(environ["QUERY_STRING"]):
        time.sleep(0.01)
    print("the application waited", flush=True)
    return pid_page(environ, start_response)


def boom_page(environ, start_response):
    raise RuntimeError("the application broke, as it was told")


def late_boom_page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "100")])
    yield b"the first piece"
    raise RuntimeError("the application broke in the middle, as it was told")


def die_page(environ, start_response):
    os.kill(os.getpid(), signal.SIGSEGV)


def hog_page(environ, start_response):
    """Keep as many MiB as the query says, for ever."""
    HELD.append(bytearray(int(environ["QUERY_STRING"]) << 20))
    return pid_page(environ, start_response)


def print_page(environ, start_response):
    print("the application printed this", flush=True)
    environ["wsgi.errors"].write("the application complained\n")
    return pid_page(environ, start_response)


def uwsgi_page(environ, start_response):
    """What the module of the server says about itself."""
    import uwsgi

    told = {
        "version": plain(uwsgi.version),
        "worker_id": uwsgi.worker_id(),
        "masterpid": uwsgi.masterpid(),
        "numproc": uwsgi.numproc,
        "workers": [worker["id"] for worker in uwsgi.workers()],
        "requests": uwsgi.total_requests(),
        "opt": {key: plain(value) for key, value in uwsgi.opt.items()},
    }
    uwsgi.log("said by uwsgi.log")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]


def modules_page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["\n".join(sorted(sys.modules)).encode()]


PAGES = {
    "/modules": modules_page,
    "/die": die_page,
    "/forever": forever_page,
    "/hog": hog_page,
    "/print": print_page,
    "/uwsgi": uwsgi_page,
    "/env": environ_page,
    "/env/read": read_environ_page,
    "/pid": pid_page,
    "/digest": digest_page,
    "/lines": lines_page,
    "/stream": stream_page,
    "/write": write_page,
    "/empty": empty_page,
    "/redirect": redirect_page,
    "/file": file_page,
    "/large": large_page,
    "/missing": missing_page,
    "/odd": odd_page,
    "/sleep": sleep_page,
    "/until": until_page,
    "/boom": boom_page,
    "/late-boom": late_boom_page,
}


def application(environ, start_response):
    return PAGES.get(environ["PATH_INFO"], environ_page)(environ, start_response)
