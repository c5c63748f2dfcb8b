"""Writes numbered lines to descriptor 2, and counts those that were accepted in a file that outlives it.

``/STREAM/COUNT/ACCOUNT``: COUNT lines of a stream; the file ACCOUNT has two numbers of 8 bytes for each
stream, how many lines were accepted and the pid of who wrote them.
"""

import mmap
import os

FILLER = b"x" * 30


def application(environ, start_response):
    stream, count, account = environ["PATH_INFO"].removeprefix("/").split("/", 2)
    index = int(stream)
    with open(f"/{account}", "r+b") as file:
        numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
    numbers[2 * index + 1] = os.getpid()
    for number in range(int(count)):
        line = b"stream %d %d %s\n" % (index, number, FILLER)
        while True:
            try:
                os.write(2, line)
                break
            except BlockingIOError:
                pass  # nobody took it for a while; it was not accepted
        numbers[2 * index] = number + 1
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"done"]
