"""Steps of the boot that open sockets: those that workers share, those of gateways, those of the workers."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from uwsgid.errors import ConfigError
from uwsgid.families import gateway_setups
from uwsgid.host import (
    NOTHING_TO_DO,
    Sockets,
    bind_shared,
    bind_sockets,
    close_leftovers,
    inheritance,
    settle_stdin,
)
from uwsgid.host.addresses import parse_address
from uwsgid.host.kept import Kept
from uwsgid.host.socket_options import SocketSpec
from uwsgid.host.zerg import Zerg, attach
from uwsgid.request.options import RequestOptions
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.door.boot import Boot


def bind_shared_sockets(boot: Boot) -> None:
    """As root and before any jail."""
    settings = boot.site.settings
    boot.inherited = inheritance(boot.kernel, settings[Sockets], boot.environ, boot.say)
    boot.shared = bind_shared(
        boot.kernel,
        settings[Sockets],
        socket_timeout=settings[RequestOptions].socket_timeout,
        inherited=boot.inherited,
        say=boot.say,
    )


def open_gateways(boot: Boot) -> None:
    """Devices and sockets of gateways, as root and outside of any jail."""
    boot.kept = boot.kept or Kept.inherited(boot.kernel, boot.environ)
    boot.kept.shared = {listener.index: listener for listener in boot.shared}
    for member in gateway_setups:
        boot.gateways.extend(member.part(boot.site.settings, boot.kernel, boot.say, boot.kept))


def bind_the_sockets(boot: Boot) -> None:
    """Bind, or take over from a former image, from systemd, from inetd, from a zerg server."""
    settings = boot.site.settings
    sockets = settings[Sockets]
    wishes = [gateway.workers for gateway in boot.gateways if gateway.workers]
    if wishes:
        sockets = with_a_way_for_gateways(sockets, wishes[0])
    boot.listeners = attach(
        boot.kernel, settings[Zerg], settings[Sockets], boot.inherited, boot.say
    ) or bind_sockets(
        boot.kernel,
        sockets,
        boot.shared,
        socket_timeout=settings[RequestOptions].socket_timeout,
        inherited=boot.inherited,
        processes=settings[Processes].processes,
        say=boot.say,
    )
    if not boot.listeners and not boot.gateways and not settings[Processes].no_server:
        raise ConfigError(
            f"{NOTHING_TO_DO} Try --http-socket :8080 for a browser or --socket /run/site.sock for nginx."
        )
    close_leftovers(boot.kernel, boot.inherited, boot.listeners, settings[Sockets].safe_fd)
    settle_stdin(boot.kernel, settings[Sockets], boot.listeners, boot.null)


def with_a_way_for_gateways(sockets: Sockets, protocol: str) -> Sockets:
    """*sockets*, with one more where none speaks uwsgi, by which gateways reach the workers.

    :param protocol: what is spoken there, if it is the only one.

    uWSGI takes a port of the loopback address (plugins/http/http.c, http_init).  Ours has a name that nobody
    can guess, and costs less.
    """
    if any((spec.protocol or sockets.protocol) == "uwsgi" for spec in sockets.specs):
        return sockets
    address = parse_address(f"@uwsgid-{secrets.token_hex(8)}")
    return replace(
        sockets, specs=(*sockets.specs, SocketSpec(address, "uwsgi" if sockets.specs else protocol))
    )
