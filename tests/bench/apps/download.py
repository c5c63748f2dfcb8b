"""Sends the file named by BENCH_FILE the way that leaves the work to the kernel."""

import os

PATH = os.environ["BENCH_FILE"]
LENGTH = str(os.path.getsize(PATH))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", LENGTH)])
    return environ["wsgi.file_wrapper"](open(PATH, "rb"), 65536)
