"""``uwsgi.lock()`` and its kin: locks between the processes of an instance, numbered from 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from uwsgid.config.kinds import Integer
from uwsgid.config.section import Section, option, section
from uwsgid.families import api_functions
from uwsgid.host.locks import Lock
from uwsgid.languages.python.context import here

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


@section("Python")
class UserLocks(Section):
    """Locks for applications."""

    locks: Integer = option("locks", default=0, help="how many locks applications get, besides lock 0")

    def check(self, settings: Settings) -> Iterable[str]:
        if self.locks > 4096:
            yield settings.problem(UserLocks, "locks", f"{self.locks} is too many, the most is 4096")


def user_lock_names(settings: Settings) -> tuple[str, ...]:
    """What the locks of applications are called, in the order of their numbers."""
    return tuple(f"user {number}" for number in range(settings[UserLocks].locks + 1))


def _lock(number: int) -> Lock:
    locks = here.locks
    if locks is None or f"user {number}" not in locks:
        raise ValueError("Invalid lock number")
    return locks[f"user {number}"]


@api_functions.member("lock")
def lock(number: int = 0) -> None:
    """Wait for a lock and take it.

    :raises ValueError: when there is no such lock.
    """
    _lock(number).acquire()


@api_functions.member("unlock")
def unlock(number: int = 0) -> None:
    """Let go of a lock; one that this process does not hold is left alone, as in uWSGI.

    :raises ValueError: when there is no such lock.
    """
    held = _lock(number)
    try:
        held.release()
    except RuntimeError as error:
        here.say(f"uwsgi.unlock({number}): {error}")


@api_functions.member("is_locked")
def is_locked(number: int = 0) -> bool:
    """Whether anybody holds a lock.

    :raises ValueError: when there is no such lock.
    """
    return _lock(number).is_locked()
