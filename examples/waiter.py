"""A WSGI application that asks the reactor of its worker, for examples/reactor.ini."""

from twisted.internet.threads import blockingCallFromThread


def application(environ, start_response):
    # at the top it would be imported in the process that forks the workers
    from twisted.internet import reactor, task

    late = blockingCallFromThread(reactor, task.deferLater, reactor, 0.1, lambda: b"A tenth of a second.\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(late)))])
    return [late]
