"""A Python prompt in a running instance, for those who may do everything to it anyway.

A session (`uwsgid.manhole.session`) is a machine without a socket: keys become lines (`keys`, `editor`), and
lines become answers (`console`).  Three kinds of doors lead to it: a UNIX socket in the master (`unix`), ssh
by twisted.conch in the master (`ssh`), and a UNIX socket in a worker, served by threads, since workers know
no Twisted (`thread`).  `client` is the other end of a UNIX socket, ``uwsgid manhole``.

What statements know is handed in by whoever opens a door.  Nothing but the options is imported until a
configuration asks for a manhole.
"""

from uwsgid.manhole.options import Manhole, Place

__all__ = ["Manhole", "Place"]
