"""Reads what it is sent and says how much that was."""


def application(environ, start_response):
    count = 0
    stream = environ["wsgi.input"]
    while chunk := stream.read(65536):
        count += len(chunk)
    body = str(count).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
