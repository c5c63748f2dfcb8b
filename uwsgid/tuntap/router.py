"""The router process: a tun device on the host's side, peers on the other, and a switch between them.

This module holds the parts together and decides nothing: who owns an address and what may pass is told by
`uwsgid.tuntap.switch`, how packets move stands in `uwsgid.tuntap.pump` and `uwsgid.tuntap.links`, and who may
come in at which door in `uwsgid.tuntap.listen`.

Nothing that a peer sends ends the process or makes it wait.  What does end it is the loss of its own device;
the master starts it again.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import KernelError, PeerError, UwsgidError
from uwsgid.host.network_interfaces import addresses_of
from uwsgid.host.syscalls import same_open_file
from uwsgid.host.tun import DeviceFacts, set_offload
from uwsgid.supervise.exits import Exit
from uwsgid.tuntap.capture import Capture, Filter
from uwsgid.tuntap.decision import Refused
from uwsgid.tuntap.links import DeviceLink, FrameLink, Link
from uwsgid.tuntap.listen import Caller, Doors
from uwsgid.tuntap.opened import Opened
from uwsgid.tuntap.peer import Peer, learnable
from uwsgid.tuntap.policy import Policy, policy_of
from uwsgid.tuntap.pump import Pump
from uwsgid.tuntap.records import rules_of
from uwsgid.tuntap.report import Report, RouterFacts
from uwsgid.tuntap.rules import read_device_rule
from uwsgid.tuntap.sides import GatewaySide, HostSide
from uwsgid.tuntap.statsserver import StatsServer
from uwsgid.tuntap.switch import Switch
from uwsgid.tuntap.tap import Tap
from uwsgid.tuntap.turning import Turning
from uwsgid.wire.handover import Answer, Hello
from uwsgid.wire.ip import read_address, show

if TYPE_CHECKING:
    from uwsgid.supervise.gateways import GatewayLife

QUIET: Final = 1.0  #: seconds between two lines about things that happen at the doors
#: Rules that a peer may have: about as many fit into the record of a hand-over.  A block in a stream has room
#: for 2730, and of 500 connections with as many the statistics alone would stop the router for seconds.
MOST_RULES: Final = 256


def serve(opened: Opened, life: GatewayLife) -> int:
    """Be a router until the instance ends; the exit code."""
    router = Router(opened, policy_of(life.settings), life.reactor, life.say, end=life.end)

    def reload() -> None:
        try:
            fresh = life.read_settings()
            policy = policy_of(fresh)
        except UwsgidError as error:
            life.say(f"{life.name}: the rules stay as they are: {error}")
        else:
            for warning in policy.warnings:
                life.say(f"*** WARNING: {warning} ***")
            router.swap(policy)
            life.adopt(fresh)
            life.say(f"{life.name}: the rules were read again")

    life.on_hangup(reload)
    # before the reactor tells all that it watches of its end
    life.reactor.addSystemEventTrigger("before", "shutdown", router.stop)
    router.start()
    return life.run()


class Router:
    """One router.

    :param opened: its descriptors.
    :param say: writes one line to the log.
    :param end: ends the process with an exit code.
    :param clock: monotonic seconds.
    :param offload: lets a device hand out large packets, or not.
    :param addresses: those of an interface.
    :ivar switch: what decides.
    :ivar peers: all that are attached, by their number.
    """

    def __init__(
        self,
        opened: Opened,
        policy: Policy,
        reactor: Any,
        say: Callable[[str], None],
        *,
        end: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
        offload: Callable[[int, bool], int] = set_offload,
        addresses: Callable[[str], Iterable[str]] = addresses_of,
    ) -> None:
        self.opened = opened
        self.reactor = reactor
        self.clock = clock
        self.say = say
        self.switch = Switch(policy, say, clock, gateway=opened.gateway >= 0)
        self.peers: dict[int, Peer] = {}
        self._end = end
        self._addresses = addresses
        self._own: frozenset[bytes] = frozenset()
        self._asked_until = 0.0
        self._numbers = 0
        self._quiet_until = 0.0
        self._unsaid = 0
        self._stopped = False
        self._gateway = _socket(opened.gateway) if opened.gateway >= 0 else None
        os.set_blocking(opened.device, False)
        self._pump = Pump(self.switch, opened.device, self._gateway, clock)
        self._host = HostSide(self, self._pump, opened.device)
        self._sides: list[HostSide | GatewaySide] = [self._host]
        if self._gateway is not None:
            self._sides.append(GatewaySide(self, self._pump, self._gateway))
        self._doors = Doors(
            self,
            _socket(opened.streams),
            _socket(opened.devices) if opened.devices >= 0 else None,
            use_credentials=policy.credentials.required,
        )
        self._stats: StatsServer | None = None
        if opened.stats >= 0:
            self._stats = StatsServer(_socket(opened.stats), self, http=opened.stats_http)
        self._tap = Tap(self.switch, partial(reactor.callLater, 0))
        self._report = Report(
            RouterFacts(opened.name, opened.spec.socket, opened.spec.gateway),
            self.switch,
            queued=lambda peer: int(peer.link.queued()),
        )
        self._turning = Turning(opened.device, opened.gateway >= 0, offload, self._devices, self.grumble)

    # ---- life ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to move packets."""
        self._follow()
        for side in self._sides:
            self.reactor.addReader(side)
        self._doors.start()
        if self._stats is not None:
            self._stats.start()

    def stop(self) -> None:
        """Let go of everybody, without a word."""
        self._stopped = True
        self._doors.close()
        for side in self._sides:
            self.reactor.removeReader(side)
        if self._gateway is not None:
            self._gateway.close()
        if self._stats is not None:
            self._stats.close()
        for peer in list(self.peers.values()):
            peer.link.close()
        self.peers.clear()

    def fail(self, why: str) -> None:
        """The device of the router can not be used any more: end, for there is nothing left to do."""
        if not self._stopped:
            self._stopped = True
            self.say(f"[tuntap-router] the device {self.opened.name} is gone: {why}")
            self.reactor.removeReader(self._sides[0])
            self._end(Exit.ERROR)

    def swap(self, policy: Policy) -> None:
        """Obey *policy* from now on."""
        self.switch.swap(policy)
        self._doors.use_credentials = policy.credentials.required
        for peer in list(self.peers.values()):
            if isinstance(peer.link, FrameLink):
                peer.link.obey(policy.queue, policy.buffer)
            if policy.credentials.assigns and not self._keeps_address(peer):
                self.grumble(f"the credentials of {peer.name} give it another address now, or none")
                self.lost(peer.link, "")
        self.drain_events()
        self._follow()

    # ---- who comes -----------------------------------------------------------------------------------------

    def welcome_stream(self, connection: socket.socket, who: Caller) -> None:
        """A peer behind a stream."""
        policy = self.switch.policy
        peer = self._new_peer(connection, who, header=4)
        link = FrameLink(peer, self, self._pump, connection, limit=policy.queue, size_limit=policy.buffer)
        self._attach(link)
        self._watch(link)

    def welcome_device(
        self, connection: socket.socket, who: Caller, hello: Hello, device: int, facts: DeviceFacts
    ) -> None:
        """A peer that hands its device over."""
        self._refuse_known(device)
        try:
            rules = tuple(read_device_rule(text) for text in hello.rules)
        except ValueError as error:
            raise PeerError(f"a rule of {hello.device}: {error}", status=0) from None
        peer = self._new_peer(connection, who, device=hello.device)
        try:
            self._turning.begin(device, self.switch.policy)
        except KernelError as error:
            raise PeerError(str(error), status=0) from None
        if not self.switch.policy.credentials.assigns:
            peer.addresses.update(dict.fromkeys(self._meant(hello)))
        link = DeviceLink(peer, self, self._pump, device, connection)
        self.switch.offer_rules(peer, rules)
        self._attach(link)
        self._watch(link)
        if link.open:
            try:
                connection.send(Answer(True).pack())
            except OSError:
                self.lost(link, "")  # it did not wait for the answer

    def _watch(self, link: DeviceLink | FrameLink) -> None:
        """From here on the descriptors of *link* are closed by it, and by nobody else."""
        try:
            link.start()
        except OSError as error:  # the limit of fs.epoll.max_user_watches
            self.lost(link, f"the kernel can not watch a descriptor ({error.strerror})")

    @staticmethod
    def _meant(hello: Hello) -> Iterable[bytes]:
        for text in hello.addresses:
            try:
                address = read_address(text)
            except ValueError:
                raise PeerError(f"{text!r} of {hello.device} is no address", status=0) from None
            if learnable(address):
                yield address

    def _refuse_known(self, device: int) -> None:
        """A device belongs to one peer."""
        try:
            if same_open_file(device, self.opened.device):
                raise PeerError("what was handed over is the device of the router itself", status=0)
            for peer in list(self.peers.values()):
                link = peer.link
                if isinstance(link, DeviceLink) and same_open_file(device, link.device):
                    if not link.ended():
                        raise PeerError(f"what was handed over is the device of {peer.name}", status=0)
                    self.lost(link, "")  # a vassal that reloads: its old process has left already
        except OSError:
            pass  # a kernel without kcmp(2)

    def _new_peer(self, connection: socket.socket, who: Caller, *, device: str = "", header: int = 0) -> Peer:
        self._numbers += 1
        return Peer(
            self._numbers,
            f"fd: {connection.fileno()}",
            uid=who.uid,
            gid=who.gid,
            pid=max(who.pid, 0),
            device=device,
            header=header,
        )

    def _attach(self, link: Link) -> None:
        peer = link.peer
        peer.link = link
        credentials = self.switch.policy.credentials
        if credentials.assigns:
            try:
                address = credentials.address(peer.pid, peer.uid, peer.gid)
            except ValueError as error:
                raise PeerError(str(error), status=0) from None
            if not address:
                raise PeerError(f"there is no address for uid {peer.uid} (pid {peer.pid})", status=0)
            peer.addresses[address] = None
        for address in peer.addresses:
            if self._is_own(address):
                raise PeerError(f"{show(address)} is the router's own address", status=0)
        if not self.switch.attach(peer):
            raise PeerError(f"its address is not to be had: {peer.refused}", status=0)
        self.peers[peer.number] = peer
        self.drain_events()

    def _keeps_address(self, peer: Peer) -> bool:
        """Whether *peer* has the address that the credentials give to its user, and no other."""
        try:
            address = self.switch.policy.credentials.address(peer.pid, peer.uid, peer.gid)
        except ValueError:
            return False
        return list(peer.addresses) == [address]

    def _is_own(self, address: bytes) -> bool:
        """Whether the interface of our device has *address*.

        With local switching, a peer that came to own it would get what others send to the host.
        """
        now = self.clock()
        if now >= self._asked_until:
            self._asked_until = now + QUIET
            self._own = frozenset(map(read_address, self._addresses(self.opened.name)))
        return address in self._own

    # ---- who goes ------------------------------------------------------------------------------------------

    def lost(self, link: Link, why: str) -> None:
        """Close *link* and forget its peer."""
        peer = link.peer
        if why and not self._stopped:
            self.grumble(f"[tuntap-router] {why} from {peer.name}")
        link.close()
        if self.peers.pop(peer.number, None) is None:
            return
        self.switch.detach(peer)
        if peer.number in self._turning.framed:
            self._turning.framed.discard(peer.number)
            self._follow()

    def pass_answers(self) -> None:
        """Read our own device without being asked: the kernel of the host answers echoes, and TCP, within the
        very write of what it answers, and the reactor would take a turn to find out."""
        self._host.doRead()

    def drain_events(self) -> None:
        """Close whom the switch has refused, and see who can be sent packets now."""
        events = self.switch.events
        while events:
            event = events.pop(0)
            peer = event.peer
            if peer.number not in self.peers:
                continue
            if isinstance(event, Refused):
                self.lost(peer.link, "")
            elif self._is_own(event.address):
                # nothing of its has been to another peer yet, nor of another peer to it
                self.grumble(f"detected ip collision for {show(event.address)}, which is the router's own")
                self.lost(peer.link, "")
            elif isinstance(peer.link, FrameLink) and peer.number not in self._turning.framed:
                self._turning.framed.add(peer.number)
                self._follow()

    # ---- what is said and counted --------------------------------------------------------------------------

    def offered(self, link: Link, rules: tuple[Any, ...]) -> None:
        """A peer sent rules about itself.

        :raises PeerError: there are too many of them.
        """
        if len(rules) > MOST_RULES:
            raise PeerError(f"{len(rules)} rules, and {MOST_RULES} is the most", status=0)
        self.switch.offer_rules(link.peer, rules_of(rules))

    def grumble(self, text: str) -> None:
        """Write *text* to the log, at most one a second."""
        now = self.clock()
        if now < self._quiet_until:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more like it)" if self._unsaid else ""
        self._unsaid = 0
        self._quiet_until = now + QUIET
        self.say(f"{text}{more}" if text.startswith("[") else f"[tuntap-router] {text}{more}")

    def document(self) -> bytes:
        """The statistics."""
        return self._report.text(self.clock(), minified=self.opened.stats_minified)

    def begin_capture(self, write: Callable[[bytes], bool], filter: Filter) -> Capture:
        """Show packets to somebody from now on."""
        capture = Capture(write, self.opened.name, filter)
        self._tap.captures.append(capture)
        self._pump.ask(self._tap)
        return capture

    def end_capture(self, capture: Capture) -> None:
        """Show them no longer."""
        self._tap.settle()
        self._tap.captures.remove(capture)
        if not self._tap.captures:
            self._pump.ask(self.switch)

    def _follow(self) -> None:
        """See which devices may hand out large packets now."""
        self._turning.follow(self.switch.policy)

    def _devices(self) -> Iterable[int]:
        """The devices of all peers that handed one over."""
        return [peer.link.device for peer in self.peers.values() if isinstance(peer.link, DeviceLink)]


def _socket(fd: int) -> socket.socket:
    made = socket.socket(fileno=fd)
    made.setblocking(False)
    return made
