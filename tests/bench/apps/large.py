"""An answer of 100 KiB in one piece."""

BODY = bytes(range(256)) * 400
HEADERS = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    start_response("200 OK", HEADERS)
    return [BODY]
