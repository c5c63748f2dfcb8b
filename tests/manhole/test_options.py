"""What the manhole's options mean, and what is refused."""

from __future__ import annotations

from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.manhole import options
from uwsgid.manhole.options import EXTRA, Manhole, read_place, worker_in, worker_path, worker_user

SSH = "manhole = ssh:127.0.0.1:2222\nmanhole-keys = /etc/keys\nmanhole-host-key = /run/key\n"


def problems(text: str) -> list[str]:
    """What is wrong with a configuration."""
    try:
        settings_of(text)
    except ConfigProblems as error:
        return list(error.problems)
    return []


class PlaceTests(SynchronousTestCase):
    """The value of ``manhole``."""

    def test_unix(self) -> None:
        """A socket has a path, and those of workers stand beside it."""
        place = read_place("unix:/run/site.hole")
        self.assertEqual((place.kind, place.path, place.is_loopback), ("unix", "/run/site.hole", True))
        self.assertEqual(str(place), "unix:/run/site.hole")
        self.assertEqual(worker_path(place.path, 2), "/run/site.hole.worker2")

    def test_ssh(self) -> None:
        """An address and a port; no address is every address."""
        for text, host, shown, loopback in (
            ("ssh:127.0.0.1:22", "127.0.0.1", "ssh:127.0.0.1:22", True),
            ("ssh:localhost:22", "127.0.0.1", "ssh:127.0.0.1:22", True),
            ("ssh:[::1]:22", "::1", "ssh:[::1]:22", True),
            ("ssh::22", "0.0.0.0", "ssh:0.0.0.0:22", False),
            ("ssh:10.0.0.1:22", "10.0.0.1", "ssh:10.0.0.1:22", False),
        ):
            place = read_place(text)
            self.assertEqual((place.host, place.port, str(place)), (host, 22, shown))
            self.assertEqual(place.is_loopback, loopback)

    def test_what_means_nothing(self) -> None:
        """The text says what is expected, and what was probably meant."""
        for text, part in (
            ("/run/site.hole", "did you mean unix:/run/site.hole?"),
            ("tcp:127.0.0.1:22", "expected unix:/run/site.hole or ssh:127.0.0.1:2222"),
            ("unix:site.hole", "has to begin with /"),
            ("unix:@site", "no file whose permissions"),
            ("unix:/" + "x" * 102, "is longer"),
            ("ssh:127.0.0.1", "expected an address and a port"),
            ("ssh:127.0.0.1:0", "expected an address and a port"),
            ("ssh:shop.lan:22", "names are not looked up"),
        ):
            with self.assertRaisesRegex(ValueError, part.replace("?", r"\?")):
                read_place(text)


class SectionTests(SynchronousTestCase):
    """The options together."""

    def test_off(self) -> None:
        """Nothing is open where nobody asked for it."""
        section = settings_of("")[Manhole]
        self.assertEqual((section.places, section.workers, section.anywhere), ((), False, False))

    def test_several(self) -> None:
        """There may be several of both kinds, each with the line where it stands."""
        section = settings_of("manhole = unix:/run/a\n" + SSH + "manhole = unix:/run/b\n")[Manhole]
        self.assertEqual([place.path for place in section.sockets], ["/run/a", "/run/b"])
        self.assertEqual([(place.port, place.origin) for place in section.ssh], [(2222, "lines:2")])

    def test_refusals(self) -> None:
        """Each names the line and what to try."""
        for text, part in (
            (
                "manhole = unix:/run/a\nmanhole = unix:/run/a",
                "lines:2: manhole: unix:/run/a is there already",
            ),
            ("manhole = /run/a", "lines:1: manhole: expected unix:/run/site.hole"),
            ("manhole", "lines:1: manhole: expected"),
            (SSH.replace("127.0.0.1", "0.0.0.0"), "lines:1: manhole: ssh:0.0.0.0:2222 can be reached"),
            ("manhole = ssh:127.0.0.1:22\nmanhole-host-key = /k", "needs manhole-keys"),
            ("manhole = ssh:127.0.0.1:22\nmanhole-keys = /k", "needs manhole-host-key"),
            ("manhole = unix:/run/a\nmanhole-keys = /k", "lines:2: manhole-keys: no manhole speaks ssh"),
            ("manhole = unix:/run/a\nmanhole-anywhere = true", "lines:2: manhole-anywhere: no manhole"),
            ("manhole-workers = true", "lines:1: manhole-workers: the prompts of workers"),
        ):
            found = problems(text)
            self.assertEqual(len(found), 1, found)
            self.assertIn(part, found[0])

    def test_workers(self) -> None:
        """Their prompts are beside a socket, and behind ssh."""
        for text, guests in (("manhole = unix:/run/a\n", False), (SSH, True)):
            self.assertEqual(settings_of(text + "manhole-workers = true")[Manhole].takes_guests, guests)
            self.assertFalse(settings_of(text)[Manhole].takes_guests)

    def test_users(self) -> None:
        """By ssh a worker is a user; every other name is one for the master."""
        self.assertEqual([worker_in(worker_user(slot)) for slot in (1, 2, 1000)], [1, 2, 1000])
        for user in (
            "",
            "root",
            "worker",
            "worker0",
            "worker02",
            "worker-2",
            "worker2 ",
            "worker²",
            "Worker2",
        ):
            self.assertEqual(worker_in(user), 0)

    def test_anywhere(self) -> None:
        """Whoever wants ssh on every address says so."""
        self.assertEqual(problems(SSH.replace("127.0.0.1", "0.0.0.0") + "manhole-anywhere = true"), [])

    def test_without_conch(self) -> None:
        """Where conch is not installed, ssh is refused with how to get it; a socket needs none."""
        with patch.object(options, "has_conch", return_value=False):
            (found,) = problems(SSH)
            self.assertIn(EXTRA, found)
            self.assertEqual(problems("manhole = unix:/run/a"), [])
        with patch.object(options, "find_spec", return_value=None):
            self.assertFalse(options.has_conch())
        self.assertTrue(options.has_conch())
