"""The statistics of a gateway, in the shape of uWSGI's routers (plugins/corerouter, corerouter_send_stats).

What uWSGI does not have stands behind its own keys, so that its tools find what they know.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from uwsgid._version import __version__
from uwsgid.stats.layout import layout

if TYPE_CHECKING:
    from uwsgid.gateways.http_router import Router


def report(router: Router, *, minified: bool = False) -> bytes:
    """The document as it is now."""
    now = router.rounds.look_at_the_clock()
    found: dict[str, Any] = {
        "version": __version__,
        "pid": os.getpid(),
        "uid": os.getuid(),
        "gid": os.getgid(),
        "cwd": os.getcwd(),
        "active_sessions": len(router.sessions),
        "http": list(router.names),
        "static_nodes": [
            {"name": node.name, "hits": node.hits, "grace": max(0, round(node.rests_until - now))}
            for node in router.nodes.all
        ],
        "subscriptions": [],
        "cheap": 0,
        "requests": router.requests,
        "refused": router.refused,
        "retries": router.retries,
        "failures": router.failures,
        "broken_answers": router.broken_answers,
    }
    return layout(found, minified)
