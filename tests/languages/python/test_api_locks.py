"""Tests of `uwsgid.languages.python.api_locks`."""

from __future__ import annotations

from tests.languages.python.serving import ServerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.languages.python import api_locks
from uwsgid.languages.python.context import here


class LockTests(ServerCase):
    options = "locks = 2"

    def test_numbers_are_independent(self) -> None:
        """Lock 0 is always there, the option adds more."""
        api_locks.lock()
        self.assertEqual([api_locks.is_locked(number) for number in range(3)], [True, False, False])
        api_locks.lock(2)
        api_locks.unlock()
        self.assertEqual([api_locks.is_locked(number) for number in range(3)], [False, False, True])
        api_locks.unlock(2)

    def test_a_number_that_does_not_exist(self) -> None:
        """The error has uWSGI's words; without locks every number is one."""
        for act in (api_locks.lock, api_locks.unlock, api_locks.is_locked):
            self.assertEqual(str(self.assertRaises(ValueError, act, 3)), "Invalid lock number")
        here.locks = None
        self.assertRaises(ValueError, api_locks.is_locked, 0)

    def test_unlocking_what_is_not_held(self) -> None:
        """It is no error for the application, and the log says it."""
        api_locks.unlock(1)
        self.assertIn("uwsgi.unlock(1): the lock 'user 1' is not held", self.said[0])

    def test_names_and_limit(self) -> None:
        """They are named as in the stats."""
        self.assertEqual(api_locks.user_lock_names(settings_of("locks = 1")), ("user 0", "user 1"))
        self.assertRaises(ConfigError, settings_of, "locks = 5000")
