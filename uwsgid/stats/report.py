"""The document of the stats server: the board and a few facts, as uWSGI's JSON.

Clients decode into typed fields, so every number is an integer, a flag is 0 or 1 and nothing is null.  Keys
come in uWSGI's order; those that only uWSGI 2.0 has are always there, because exporters read them, and two of
our own (``generation``, ``rejected``) stand last in a worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from uwsgid._version import __version__
from uwsgid.host import Listener
from uwsgid.request.offload_options import RAW
from uwsgid.supervise.board import Board
from uwsgid.supervise.rows import AppFacts, worker_row
from uwsgid.supervise.snapshot import request_vars


@dataclass(frozen=True, slots=True)
class SocketFacts:
    """A socket of the workers.

    :ivar name: as it is bound.
    :ivar queue: connections that wait to be accepted.
    :ivar limit: how many may wait.
    """

    name: str
    proto: str
    queue: int = 0
    limit: int = 0
    shared: bool = False
    can_offload: bool = False


@dataclass(frozen=True, slots=True)
class StatsFacts:
    """What the document is made of.

    :ivar queue_errors: how many checks found a socket whose queue was full.
    :ivar apps: what each worker has loaded.
    :ivar holders: locks that are held, by whom; a lock that is not named here is free.
    :ivar thunder: whether there is a thunder lock.
    :ivar user_locks: the option ``locks``: how many there are besides the first.
    :ivar cores: whether workers show their cores.
    """

    board: Board
    pid: int = field(default_factory=os.getpid)
    uid: int = field(default_factory=os.getuid)
    gid: int = field(default_factory=os.getgid)
    cwd: str = ""
    version: str = __version__
    queue_errors: int = 0
    sockets: Sequence[SocketFacts] = ()
    apps: Sequence[AppFacts] = ()
    holders: Mapping[str, int] = field(default_factory=dict)
    thunder: bool = False
    user_locks: int = 0
    cores: bool = True


def socket_facts(
    listeners: Iterable[Listener],
    queue_length: Callable[[int], tuple[int, int]],
    offloads: bool = False,
) -> tuple[SocketFacts, ...]:
    """What is to be told of the sockets of an instance.

    :param queue_length: queue and limit of a descriptor, as `IKernel.queue_length` gives them.
    :param offloads: workers have threads that send files.
    """
    found = []
    for listener in listeners:
        queue, limit = queue_length(listener.fd)
        found.append(
            SocketFacts(
                listener.name,
                listener.protocol or "uwsgi",
                queue,
                limit,
                shared=listener.shared,
                can_offload=offloads and listener.protocol in RAW,
            )
        )
    return tuple(found)


def lock_names(thunder: bool, user_locks: int = 0) -> list[str]:
    """The locks of an instance, in the order uWSGI registers them (core/lock.c, uwsgi_setup_locking)."""
    names = [f"user {number}" for number in range(user_locks + 1)]
    names += ["signal", "filemon", "timer", "rbtimer", "cron"]
    return [*names, *(["thunder"] if thunder else []), "rpc", "snmp"]


def report(facts: StatsFacts) -> dict[str, Any]:
    """The document."""
    board = facts.board
    load = max((one.queue for one in facts.sockets), default=0)
    return {
        "version": facts.version,
        "listen_queue": load,
        "listen_queue_errors": facts.queue_errors,
        "signal_queue": 0,
        "load": load,
        "pid": facts.pid,
        "uid": facts.uid,
        "gid": facts.gid,
        "cwd": _text(facts.cwd),
        "locks": [{name: facts.holders.get(name, 0)} for name in lock_names(facts.thunder, facts.user_locks)],
        "sockets": [
            {
                "name": _text(one.name),
                "proto": one.proto,
                "queue": one.queue,
                "max_queue": one.limit,
                "shared": int(one.shared),
                "can_offload": int(one.can_offload),
            }
            for one in facts.sockets
        ],
        "workers": [_worker(facts, board, slot) for slot in range(1, board.slots + 1)],
    }


def _worker(facts: StatsFacts, board: Board, slot: int) -> dict[str, Any]:
    row = worker_row(board, slot, facts.apps)
    for app in row["apps"]:
        app["mountpoint"], app["chdir"] = _text(app["mountpoint"]), _text(app["chdir"])
    seat = board.current[slot - 1]
    if facts.cores:
        row["cores"] = [_core(board, seat, core) for core in range(board.cores)]
    row["generation"] = board.generation[seat] if seat >= 0 else 0
    row["rejected"] = board.rejected[seat] if seat >= 0 else 0
    return row


def _core(board: Board, seat: int, core: int) -> dict[str, Any]:
    if seat < 0:
        numbers = [0] * 6
        busy = 0
    else:
        at = seat * board.cores + core
        numbers = [
            column[at]
            for column in (
                board.core_requests,
                board.static_requests,
                board.routed_requests,
                board.offloaded_requests,
                board.write_errors,
                board.read_errors,
            )
        ]
        busy = board.in_request[at] & 1
    requests, static, routed, offloaded, write_errors, read_errors = numbers
    return {
        "id": core,
        "requests": requests,
        "static_requests": static,
        "routed_requests": routed,
        "offloaded_requests": offloaded,
        "write_errors": write_errors,
        "read_errors": read_errors,
        "in_request": busy,
        "vars": vars_of(board, seat, core) if busy else [],
        "req_info": {"request_start": int(board.started[at])} if busy else {},
    }


def vars_of(board: Board, seat: int, core: int) -> list[str]:
    """The variables of the request that *core* works on, ``NAME=value``, and an empty string after them.

    An empty list where there is no request, or where it changed while it was copied.
    """
    found = request_vars(board, seat, core)
    return (
        [*(f"{_wire_text(name)}={_wire_text(value)}" for name, value in found.items()), ""] if found else []
    )


def _wire_text(text: str) -> str:
    """Latin-1 text, as WSGI keeps bytes, as the characters it most probably stands for."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")


def _text(text: str) -> str:
    """*text* without the lone surrogates by which Python keeps the bytes of odd file names."""
    return os.fsencode(text).decode("utf-8", "replace")
