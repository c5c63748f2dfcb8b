"""Answers to what was allowed pass, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.flows import HOLD, FlowTable, Timeouts
from uwsgid.wire.ip import Facts

HERE, THERE, ELSEWHERE = bytes((192, 168, 0, 2)), bytes((8, 8, 8, 8)), bytes((9, 9, 9, 9))


def tcp(flags: str = "", *, back: bool = False, sport: int = 40000, dport: int = 80) -> Facts:
    """A packet of a connection from here to there, with these flags: S, A, F, R."""
    src, dst = (THERE, HERE) if back else (HERE, THERE)
    if back:
        sport, dport = dport, sport
    return Facts(
        4,
        src,
        dst,
        6,
        sport,
        dport,
        syn="S" in flags,
        ack="A" in flags,
        fin="F" in flags,
        rst="R" in flags,
        length=60,
    )


def udp(*, back: bool = False, sport: int = 40000, dport: int = 53) -> Facts:
    return replace(tcp(back=back, sport=sport, dport=dport), protocol=17)


def icmp(kind: int, *, back: bool = False, version: int = 4) -> Facts:
    src, dst = (THERE, HERE) if back else (HERE, THERE)
    return Facts(version, src, dst, 1 if version == 4 else 58, icmp_type=kind, icmp_code=0, length=84)


class TcpTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = FlowTable()

    def open(self, now: float = 0.0) -> None:
        for packet in (tcp("S"), tcp("SA", back=True), tcp("A")):
            self.table.note(packet, now)

    def test_an_answer_is_seen(self) -> None:
        """Once a SYN was allowed, its answer belongs to a flow, and so does what follows."""
        self.assertFalse(self.table.seen(tcp("SA", back=True), 0))
        self.table.note(tcp("S"), 0)
        self.assertTrue(self.table.seen(tcp("SA", back=True), 0))
        self.open()
        self.assertTrue(self.table.seen(tcp("A"), 0))
        self.assertTrue(self.table.seen(tcp("A", back=True), 0))
        self.assertEqual(len(self.table), 1)

    def test_other_ports_are_other_flows(self) -> None:
        """An answer comes from where the question went."""
        self.open()
        self.assertFalse(self.table.seen(tcp("A", back=True, dport=81), 0))
        self.assertFalse(self.table.seen(tcp("A", back=True, sport=40001), 0))
        self.assertFalse(self.table.seen(replace(tcp("A", back=True), src=ELSEWHERE), 0))
        self.assertFalse(self.table.seen(udp(back=True, dport=80), 0))

    def test_a_syn_is_no_answer(self) -> None:
        """Whoever was called can not call back between the same ports; who called may repeat the SYN."""
        self.open()
        self.assertFalse(self.table.seen(tcp("S", back=True), 0))
        self.assertTrue(self.table.seen(tcp("S"), 0))

    def test_an_answer_begins_nothing(self) -> None:
        """A SYN with ACK, a FIN and a RST without a flow make none; the middle of a connection does."""
        for flags in ("SA", "FA", "R"):
            self.table.note(tcp(flags), 0)
        self.assertEqual(len(self.table), 0)
        self.assertEqual(
            [self.table.seen(tcp(flags, back=True), 0) for flags in ("A", "FA", "R")], [False] * 3
        )
        self.table.note(tcp("A"), 0)
        self.assertTrue(self.table.seen(tcp("A", back=True), 0))

    def test_unanswered(self) -> None:
        """A SYN that nobody answers is forgotten after a minute."""
        self.table.note(tcp("S"), 100)
        self.assertTrue(self.table.seen(tcp("SA", back=True), 159))
        self.assertFalse(self.table.seen(tcp("SA", back=True), 160))
        self.assertEqual(len(self.table), 0)

    def test_open_flows_are_patient(self) -> None:
        """An open connection may be silent for two hours, and each packet begins them again."""
        self.open()
        self.assertTrue(self.table.seen(tcp("A", back=True), 7200))
        self.table.note(tcp("A", back=True), 7200)
        self.assertTrue(self.table.seen(tcp("A"), 14400))
        self.assertFalse(self.table.seen(tcp("A"), 7200 + 7440))

    def test_fin(self) -> None:
        """After a FIN two minutes are left, to both sides."""
        self.open()
        self.table.note(tcp("FA"), 10)
        self.assertTrue(self.table.seen(tcp("A", back=True), 129))
        self.table.note(tcp("FA", back=True), 129)
        self.assertTrue(self.table.seen(tcp("A"), 248))
        self.assertFalse(self.table.seen(tcp("A"), 249))

    def test_rst(self) -> None:
        """After a RST ten seconds are left, and nothing makes them more."""
        self.open()
        self.table.note(tcp("R", back=True), 10)
        self.assertTrue(self.table.seen(tcp("A"), 19))
        self.table.note(tcp("A"), 15)
        self.assertFalse(self.table.seen(tcp("A"), 25))

    def test_a_new_connection_between_the_same_ports(self) -> None:
        """After its end a flow begins anew with a SYN that a rule allows, and not with one that asks here."""
        for end in ("FA", "R"):
            self.open()
            self.table.note(tcp(end), 1)
            self.assertFalse(self.table.seen(tcp("S"), 2))
            self.table.note(tcp("S"), 2)
            self.assertTrue(self.table.seen(tcp("SA", back=True), 30))
            self.assertEqual(len(self.table), 1)

    def test_hold_is_short(self) -> None:
        """An answer that is remembered for so long never outlives a flow by much."""
        times = Timeouts()
        self.assertLess(HOLD, min(times.opening, times.closed, times.closing, times.udp, times.icmp))


class DatagramTests(SynchronousTestCase):
    def test_udp(self) -> None:
        """An answer of UDP may come within a minute of the last datagram."""
        table = FlowTable()
        table.note(udp(), 0)
        self.assertTrue(table.seen(udp(back=True), 59))
        table.note(udp(back=True), 59)
        self.assertTrue(table.seen(udp(), 118))
        self.assertFalse(table.seen(udp(), 119))

    def test_echo(self) -> None:
        """A ping is answered by a reply, within half a minute, and not by a ping."""
        for version, request, reply in ((4, 8, 0), (6, 128, 129)):
            table = FlowTable()
            table.note(icmp(reply, version=version), 0)
            self.assertEqual(len(table), 0)
            table.note(icmp(request, version=version), 0)
            self.assertTrue(table.seen(icmp(request, version=version), 1))
            self.assertTrue(table.seen(icmp(reply, back=True, version=version), 29))
            self.assertFalse(table.seen(icmp(request, back=True, version=version), 1))
            self.assertFalse(table.seen(icmp(reply, version=version), 1))
            self.assertFalse(table.seen(icmp(reply, back=True, version=version), 30))

    def test_reports(self) -> None:
        """A report that something is unreachable or too big reaches whoever takes part in a flow."""
        table = FlowTable()
        self.assertFalse(table.seen(icmp(3, back=True), 0))
        table.note(icmp(3), 0)
        self.assertEqual(len(table), 0)
        table.note(udp(), 0)
        self.assertTrue(table.seen(icmp(3, back=True), 0))
        self.assertTrue(table.seen(replace(icmp(11, back=True), src=ELSEWHERE), 0))
        self.assertTrue(table.seen(icmp(2, back=True, version=6), 0))
        self.assertFalse(table.seen(replace(icmp(3), dst=ELSEWHERE), 0))
        self.assertFalse(table.seen(icmp(5, back=True), 0))
        self.assertFalse(table.seen(udp(back=True), 60))
        self.assertFalse(table.seen(icmp(3, back=True), 60))

    def test_other_protocols(self) -> None:
        """A protocol without ports has one flow between two addresses."""
        table = FlowTable()
        gre = replace(udp(sport=-1, dport=-1), protocol=47)
        table.note(gre, 0)
        back = replace(gre, src=THERE, dst=HERE)
        self.assertTrue(table.seen(back, 59))
        self.assertFalse(table.seen(replace(back, protocol=50), 0))

    def test_fragments(self) -> None:
        """Later fragments belong to the flow of the first, and only after it."""
        table = FlowTable()
        later = replace(udp(sport=-1, dport=-1), fragment=True, first=False)
        table.note(later, 0)
        self.assertFalse(table.seen(later, 0))
        table.note(replace(udp(), fragment=True), 0)
        self.assertTrue(table.seen(later, 29))
        self.assertFalse(table.seen(replace(later, src=THERE, dst=HERE), 0))
        self.assertFalse(table.seen(later, 30))
        self.assertEqual(len(table), 1)


class BoundTests(SynchronousTestCase):
    def test_limit(self) -> None:
        """The table never has more flows than its limit; the oldest leave."""
        table = FlowTable(limit=10)
        for port in range(30):
            table.note(udp(sport=port), port / 100)
            self.assertLessEqual(len(table), 10)
        self.assertFalse(table.seen(udp(sport=19, back=True), 1))
        self.assertTrue(table.seen(udp(sport=20, back=True), 1))

    def test_a_flood_pushes_out_no_answered_flow(self) -> None:
        """Whoever opens many flows that nobody answers loses those."""
        table = FlowTable(limit=10)
        table.note(tcp("S"), 0)
        table.note(tcp("SA", back=True), 0)
        for port in range(1000):
            table.note(udp(sport=port), 1)
        self.assertTrue(table.seen(tcp("A"), 2))
        self.assertEqual(len(table), 10)

    def test_answered_flows_are_bounded_too(self) -> None:
        """Where all flows are answered, the one that was silent for the longest leaves."""
        table = FlowTable(limit=3)
        for port in (1, 2, 3):
            table.note(udp(sport=port), 0)
            table.note(udp(sport=port, back=True), 0)
        table.note(udp(sport=1), 1)
        table.note(udp(sport=4), 2)
        self.assertEqual([table.seen(udp(sport=port), 3) for port in (1, 2, 3, 4)], [True, False, True, True])

    def test_time_makes_room(self) -> None:
        """A flow whose time is over leaves when another begins."""
        table = FlowTable()
        table.note(udp(sport=1), 0)
        table.note(udp(sport=2), 100)
        self.assertEqual(len(table), 1)

    def test_fragments_are_bounded(self) -> None:
        """First fragments between many addresses leave a bounded trace."""
        table = FlowTable(limit=10)
        for number in range(5000):
            table.note(replace(udp(), dst=number.to_bytes(4, "big"), fragment=True), 0)
        later = replace(udp(sport=-1, dport=-1), fragment=True, first=False)
        self.assertFalse(table.seen(replace(later, dst=bytes(4)), 0))
        self.assertTrue(table.seen(replace(later, dst=(4999).to_bytes(4, "big")), 0))

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(("S", "SA", "A", "FA", "R")),
                st.booleans(),
                st.integers(0, 4),
                st.booleans(),
                st.integers(0, 200),
            ),
            max_size=60,
        )
    )
    @settings(deadline=None, max_examples=150)
    def test_any_traffic(self, steps: list[tuple[str, bool, int, bool, int]]) -> None:
        """Whatever comes, the table keeps its limit, and forgets the ends of flows with the flows."""
        table, now = FlowTable(limit=3), 0
        for flags, back, port, noted, pause in steps:
            now += pause
            packet = tcp(flags, back=back, sport=port)
            table.seen(packet, now)
            if noted:
                table.note(packet, now)
            self.assertLessEqual(len(table), 3)
        for port in range(5):
            self.assertFalse(table.seen(tcp("A", sport=port), now + 10000))
        self.assertEqual(len(table), 0)
        self.assertFalse(table.seen(icmp(3), now + 10000))
