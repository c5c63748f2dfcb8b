"""Devices of a vassal, while its instance starts.

``tuntap-device = uwsgi0 /run/tuntap.sock`` makes the device before the hooks that give it an address.  Where
a router of ours listens, it is handed over right then, so that a ``ping`` in a hook is answered; the process
that holds the connection afterwards (`uwsgid.tuntap.client`) is born when the boot is over.

The router sees the user that the instance will become, as it does later; only where that user may not reach
the socket does root go there instead.

Device and connection live in the master and are kept when a reload replaces the process image; a connection
that the master does not have is held by a stand-in meanwhile (`uwsgid.tuntap.standin`).  So the router never
notices a reload.  With ``tuntap-use-credentials`` nothing is said before privileges were dropped, for a
router knows a vassal by its user then; hooks find no router yet, as in uWSGI.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from uwsgid.errors import ConfigError, PeerError, UwsgidError
from uwsgid.families import jail_setups
from uwsgid.host import Privileges
from uwsgid.host.addresses import parse_address
from uwsgid.host.privileges import acting_as, resolve_identity
from uwsgid.host.tun import identify, open_device
from uwsgid.interfaces import IKernel
from uwsgid.supervise.gateways import Gateway, GatewayLife, Say
from uwsgid.tuntap.client import Client
from uwsgid.tuntap.handover import answer, companion_of, lives, offer
from uwsgid.tuntap.options import DeviceSpec, TunTapDevice, TunTapRouter
from uwsgid.tuntap.relief import Handed, Relief
from uwsgid.tuntap.standin import leave_behind
from uwsgid.tuntap.wishes import Wishes

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host.kept import Kept

PATIENCE: Final = 2.0  #: seconds that a router has to answer while an instance starts

#: Options that a running device takes over when the configuration is read again.
LIVE: Final = frozenset({"tuntap-device-rule"})

_OFF: Final = ("", "false", "off", "no", "0")


@dataclass(frozen=True, slots=True)
class Early:
    """How a device is attached while its instance starts.

    :ivar relief: by which a stand-in is relieved, if there is one.
    :ivar connection: the one on which a router of ours has taken it; -1 where none has.
    """

    relief: Relief
    connection: int = -1


@jail_setups.member("tuntap-device")
def devices(settings: Settings, kernel: IKernel, say: Say, kept: Kept) -> Sequence[Gateway]:
    """The processes that keep devices attached, one for each ``tuntap-device`` with a socket.

    :raises ConfigError: a rule can not be told to the router.
    :raises KernelError: a device can not be made.
    """
    gateways: list[Gateway] = []
    specs = settings[TunTapDevice].devices
    if not specs:
        return ()
    user = _user(settings, kernel)
    for spec in specs:
        fd, name = _device(spec, kernel, say, kept)
        if spec.socket:
            wishes = wishes_of(settings, spec, name, user)
            early = _attach(wishes, fd, kernel, say, kept)
            gateways.append(
                Gateway(f"uWSGI tuntap device {name}", partial(attend, spec, wishes, fd, early), LIVE)
            )
    return gateways


def attend(spec: DeviceSpec, wishes: Wishes, device: int, early: Early, life: GatewayLife) -> int:
    """The work of the process that keeps one device attached; its exit code."""
    name = wishes.device
    current = wishes_of(life.settings, spec, name, wishes.user)
    client = Client(life.reactor, life.say, current, device)
    left: list[Handed] = []

    def read_again() -> None:
        try:
            fresh = life.read_settings()
            client.wish(wishes_of(fresh, spec, name, wishes.user))
        except UwsgidError as error:
            life.say(f"{life.name}: the rules stay as they are: {error}")
        else:
            life.adopt(fresh)

    def start() -> None:
        handed = early.relief.take(current.mark)
        if handed is not None:
            client.resume(handed)
            return
        held = socket.socket(fileno=early.connection) if early.connection >= 0 else None
        client.start(held if held is not None and current == wishes and lives(held) else None)

    def end() -> None:
        handed = client.hand_on()
        if handed is not None:
            left.append(handed)

    life.on_hangup(read_again)
    life.reactor.callWhenRunning(start)
    # afterwards the reactor calls all it watches lost
    life.reactor.addSystemEventTrigger("before", "shutdown", end)
    code = life.run()
    for handed in left:
        # the instance may be about to replace its process image; if it ends, so does the stand-in
        house = life.household
        leave_behind(house.kernel, client.wishes, device, early.relief, handed, house.master_pid)
    return code


def wishes_of(settings: Settings, spec: DeviceSpec, name: str, user: tuple[int, int]) -> Wishes:
    """What the configuration wants for the device *name* of an instance that will be *user*.

    :raises ConfigError: a router on TCP gets frames, and can not be told all that a rule says.
    """
    router = parse_address(spec.socket)
    wishes = Wishes(
        name,
        router,
        settings[TunTapDevice].rules,
        user=user,
        # only UNIX sockets carry them
        credentials=router.is_unix and settings[TunTapRouter].credentials not in _OFF,
        largest=settings[TunTapRouter].buffer,
    )
    if not router.is_unix:
        try:
            wishes.records()
        except ValueError as error:
            raise ConfigError(f"tuntap-device-rule: {error}, and {spec.socket} is on TCP") from None
    return wishes


def _user(settings: Settings, kernel: IKernel) -> tuple[int, int]:
    """The uid and the gid that the instance will have."""
    if kernel.geteuid() != 0:
        return kernel.geteuid(), kernel.getgid()
    identity = resolve_identity(kernel, settings[Privileges], settings)
    return identity.uid or 0, identity.gid or 0


def _device(spec: DeviceSpec, kernel: IKernel, say: Say, kept: Kept) -> tuple[int, str]:
    """The device, made or kept, and what the kernel calls it.

    One that nobody attaches has no virtio headers: it is for whoever wants an interface of that name.
    """
    vnet = bool(spec.socket)
    key, other = f"tuntap-device {spec.device}", f"tuntap-device bare {spec.device}"
    if not vnet:
        key, other = other, key
    stale = kept.get(other)
    if stale is not None:  # the line has lost its socket, or got one; the name has to be free
        kept.forget(other)
        kernel.close(stale)
    found = kept.get(key)
    if found is not None:
        return found, identify(found).name if vnet and "%" in spec.device else spec.device
    made = open_device(kernel, spec.device, vnet=vnet)
    kept.keep(key, made.fd)
    say(f"initialized tuntap device {made.name} (fd: {made.fd})")
    return made.fd, made.name


def _attach(wishes: Wishes, device: int, kernel: IKernel, say: Say, kept: Kept) -> Early:
    """Attach a device for the time of the start, and longer where a router takes it."""
    relief = _relief(wishes.device, kept)
    held = kept.get(wishes.key)
    if held is not None:
        connection = socket.socket(fileno=held)
        if lives(connection):
            return Early(relief, connection.detach())
        kept.forget(wishes.key)
        connection.close()
    if relief.stands_in or wishes.credentials:
        return Early(relief)
    companion = companion_of(wishes.router)
    if companion is not None:
        try:
            try:
                with acting_as(kernel, wishes.user):
                    offered = offer(companion, device, wishes.hello(), PATIENCE)
            except PermissionError:
                offered = offer(companion, device, wishes.hello(), PATIENCE)
        except OSError as error:
            say(_not_yet(wishes, str(error)))
            return Early(relief)
        if offered is not None:
            return Early(relief, _taken(wishes, offered, say, kept))
    from uwsgid.tuntap.standin import stand_in

    stand_in(kernel, wishes, device, relief)
    return Early(relief)


def _relief(name: str, kept: Kept) -> Relief:
    """The pair by which stand-ins of a device are relieved, made or kept."""
    asks, answers = f"tuntap-device {name} asks", f"tuntap-device {name} answers"
    first, second = kept.get(asks), kept.get(answers)
    if first is not None and second is not None:
        return Relief(first, second)
    made = Relief.new()
    kept.keep(asks, made.asks)
    kept.keep(answers, made.answers)
    return made


def _taken(wishes: Wishes, offered: socket.socket, say: Say, kept: Kept) -> int:
    """The connection on which a router of ours took the device; -1 where it did not."""
    with offered:
        try:
            refused = answer(offered)
        except (OSError, PeerError) as error:
            refused = str(error)
        if refused:
            say(_not_yet(wishes, refused))
            return -1
        say(f"tuntap device {wishes.device}: handed over to the router at {wishes.router.text}")
        fd = offered.detach()
    kept.keep(wishes.key, fd)
    return fd


def _not_yet(wishes: Wishes, why: str) -> str:
    return f"tuntap device {wishes.device}: the router at {wishes.router.text} does not take it yet: {why}"
