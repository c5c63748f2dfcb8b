"""The pages that each language has behind each front end: what was asked, what was sent, and some answers."""

SEEN = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_X_ONE", "HTTP_HOST"]


def application(environ, start_response):
    path = environ["PATH_INFO"]
    status, headers = "200 OK", [("Content-Type", "text/plain")]
    if path == "/digest":
        data = environ["wsgi.input"].read()
        body = b"%d %d" % (len(data), sum(data))
    elif path == "/large":
        body = b"".join(b"%015d\n" % number for number in range(6400))
    elif path == "/missing":
        status, body = "404 Not Found", b"there is no such thing"
    elif path == "/redirect":
        status, body = "302 Found", b""
        headers += [("Location", "/elsewhere?a=b"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    else:
        body = "".join(f"{name}={environ.get(name, '')}\n" for name in SEEN).encode("latin-1")
    headers += [("Content-Length", str(len(body))), ("X-Quoted", 'a "b" \\ c; d=(e), <f>')]
    start_response(status, headers)
    return [body]
