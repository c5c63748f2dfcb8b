"""Writes as many lines to descriptor 2 as the query asks for, and says how many it got rid of."""

import os
from collections.abc import Callable
from typing import Any

WIDTH = 190  #: bytes of a line, as many as a request line has


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    count, _, mark = environ.get("QUERY_STRING", "").partition("&")
    rest = b" " + b"x" * (WIDTH - len(mark) - 11) + b"\n"
    lines = [b"%s %08d" % (mark.encode(), number) + rest for number in range(int(count or 0))]
    refused = 0
    write = os.write
    for line in lines:
        try:
            write(2, line)
        except BlockingIOError:
            refused += 1
    body = b"%d" % (len(lines) - refused)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
