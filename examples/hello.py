"""The smallest application that says who served it."""

import os


def application(environ, start_response):
    body = (
        "Hello from uwsgid.\n\n"
        f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} was answered by process {os.getpid()}.\n"
        "Its numbers: uwsgid --connect-and-read 127.0.0.1:9191, or uwsgitop 127.0.0.1:9191\n"
    ).encode()
    start_response(
        "200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    )
    return [body]
