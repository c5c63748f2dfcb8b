"""The life of one vassal, as its emperor sees it.

::

                        .---------------------died--------------------.
                        v                                             |
    new --sleep--> asleep --wake--> expected --born--> alive --idle-> dozing
     |               |               |    |             | | |           |
     `----start------|------------->-'    |       reload' | |           |
                     |                    |               | `--died-----|--------.
                     |                  stop     stop, lost             |stop    |
                     |                    v               v             v        v
                     |                unwanted --born--> cursed <-------'       gone
                     |                    |                 `------died-------> gone
                     `-------stop---------`---not_born------------------------> gone

Only a vassal with a socket of its own (on demand) is ever asleep, or dozing off.  The machine keeps what is
known and allows the right words at the right time; what follows is the business of its `Subject`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from automat import TypeMachineBuilder

from uwsgid.host.children import ExitStatus


class Life(Protocol):
    """What can happen to a vassal."""

    def start(self) -> None:
        """It ought to run."""

    def sleep(self) -> None:
        """It ought to run once somebody connects to its socket."""

    def wake(self) -> None:
        """Somebody connected."""

    def born(self, pid: int) -> None:
        """It was forked."""

    def not_born(self) -> None:
        """It could not be forked."""

    def reload(self) -> None:
        """Its configuration changed."""

    def stop(self) -> None:
        """It has to go."""

    def idle(self) -> None:
        """It wants to go, since nobody wants anything of it."""

    def lost(self) -> None:
        """Nobody holds its end of the pipe any more."""

    def died(self, status: ExitStatus) -> None:
        """It ended."""


class Subject(Protocol):
    """Who lives that life, and what it does at each turn.

    :ivar ordered: it ends because somebody wanted it to.
    :ivar reload_at_birth: it was to reload before it was born.
    """

    ordered: bool
    reload_at_birth: bool

    def ask(self) -> None:
        """Order the birth."""

    def meet(self, pid: int) -> None:
        """Begin to watch the one that was born."""

    def reload(self) -> None:
        """Tell it to reload."""

    def send_away(self) -> None:
        """Tell it to go."""

    def curse(self) -> None:
        """Nobody hears it any more: have it end."""

    def watch_socket(self) -> None:
        """Wait for somebody who connects."""

    def leave_socket(self) -> None:
        """Wait no longer."""

    def fall_asleep(self) -> None:
        """It went, and waits for somebody who connects."""

    def end(self, status: ExitStatus | None) -> None:
        """Nothing of it is left; the status is None for one that was never born."""


@dataclass(slots=True)
class _Facts:
    subject: Subject


_builder: Final = TypeMachineBuilder(Life, _Facts)
_new: Final = _builder.state("new")  # it is known, nobody asked for it yet
_asleep: Final = _builder.state("asleep")  # nobody runs; its socket is watched
_expected: Final = _builder.state("expected")  # the nest was asked for it
_unwanted: Final = _builder.state("unwanted")  # told to go before it was born
_alive: Final = _builder.state("alive")  # it runs
_cursed: Final = _builder.state("cursed")  # it was told to go, or nobody hears it any more
_dozing: Final = _builder.state("dozing")  # it goes, and will be woken by its socket again
_gone: Final = _builder.state("gone")  # reaped, or never born

for _state in (_new, _asleep, _unwanted, _cursed, _dozing, _gone):
    _state.upon(Life.lost).loop().returns(None)
    _state.upon(Life.idle).loop().returns(None)
for _state in (_unwanted, _cursed, _gone):
    _state.upon(Life.stop).loop().returns(None)
for _state in (_asleep, _unwanted, _cursed, _dozing, _gone, _new):
    _state.upon(Life.reload).loop().returns(None)
for _state in (_expected, _unwanted, _alive, _cursed, _dozing, _gone):
    _state.upon(Life.wake).loop().returns(None)
for _state in (_gone,):
    _state.upon(Life.died).loop().returns(None)
    _state.upon(Life.not_born).loop().returns(None)
_gone.upon(Life.sleep).loop().returns(None)
_expected.upon(Life.lost).loop().returns(None)
_expected.upon(Life.idle).loop().returns(None)


@_new.upon(Life.start).to(_expected)
def _ask(life: Life, facts: _Facts) -> None:
    facts.subject.ask()


@_new.upon(Life.born).to(_alive)
def _survive(life: Life, facts: _Facts, pid: int) -> None:
    facts.subject.meet(pid)


@_new.upon(Life.sleep).to(_asleep)
def _lie_down(life: Life, facts: _Facts) -> None:
    facts.subject.watch_socket()


@_new.upon(Life.stop).to(_gone)
def _never_begin(life: Life, facts: _Facts) -> None:
    facts.subject.end(None)


@_asleep.upon(Life.wake).to(_expected)
def _wake_up(life: Life, facts: _Facts) -> None:
    facts.subject.leave_socket()
    facts.subject.ask()


@_asleep.upon(Life.stop).to(_gone)
def _never_wake(life: Life, facts: _Facts) -> None:
    facts.subject.end(None)


@_expected.upon(Life.born).to(_alive)
def _meet(life: Life, facts: _Facts, pid: int) -> None:
    facts.subject.meet(pid)


@_expected.upon(Life.not_born).to(_gone)
def _miss(life: Life, facts: _Facts) -> None:
    facts.subject.end(None)


@_expected.upon(Life.stop).to(_unwanted)
def _unwant(life: Life, facts: _Facts) -> None:
    facts.subject.ordered = True


@_expected.upon(Life.reload).loop()
def _reload_later(life: Life, facts: _Facts) -> None:
    facts.subject.reload_at_birth = True


@_unwanted.upon(Life.born).to(_cursed)
def _meet_unwanted(life: Life, facts: _Facts, pid: int) -> None:
    facts.subject.meet(pid)
    facts.subject.send_away()


@_unwanted.upon(Life.not_born).to(_gone)
def _miss_unwanted(life: Life, facts: _Facts) -> None:
    facts.subject.end(None)


@_alive.upon(Life.reload).loop()
def _reload(life: Life, facts: _Facts) -> None:
    facts.subject.reload()


@_alive.upon(Life.stop).to(_cursed)
def _stop(life: Life, facts: _Facts) -> None:
    facts.subject.ordered = True
    facts.subject.send_away()


@_dozing.upon(Life.stop).to(_cursed)
def _stop_dozing(life: Life, facts: _Facts) -> None:
    facts.subject.ordered = True
    facts.subject.send_away()


@_alive.upon(Life.idle).to(_dozing)
def _doze(life: Life, facts: _Facts) -> None:
    facts.subject.send_away()


@_alive.upon(Life.lost).to(_cursed)
def _curse(life: Life, facts: _Facts) -> None:
    facts.subject.curse()


@_alive.upon(Life.died).to(_gone)
def _bury(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.subject.end(status)


@_cursed.upon(Life.died).to(_gone)
def _bury_cursed(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.subject.end(status)


@_dozing.upon(Life.died).to(_asleep)
def _fall_asleep(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.subject.fall_asleep()


_make: Final = _builder.build()


def make_life(subject: Subject) -> Life:
    """A life that begins; *subject* does what it comes to."""
    return _make(_Facts(subject))
