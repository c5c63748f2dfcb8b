"""Runs the tests of Perl and Ruby with the interpreters of other releases of Debian.

A machine has one Perl and one Ruby, and what the manual says of others has to be run with others.  mmdebstrap
puts a release into a tree; the server and the tests stay this machine's.  In the place of ``perl`` and
``ruby`` they find scripts that enter the tree and become its interpreter there.  It sees our files where they
are, for the tests run in a mount namespace of their own in which these are part of the tree.  That ends with
them, so nothing has to be unmounted.

``python -m tests.interpreters trixie`` runs all tests of these languages with those of trixie, and without a
name with those of each release.  ``tests/live/test_interpreters.py`` runs a few of them, in smaller trees.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uwsgid

ROOT: Final = Path(__file__).resolve().parents[1]
#: Where trees are kept.
TREES: Final = ROOT / ".interpreters"
#: The oldest release whose Perl and Ruby are supported, and one that is newer than most machines'.
RELEASES: Final = ("bullseye", "trixie")
#: Releases that are no longer supported move to archive.debian.org.
MIRROR: Final = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
#: What the tests call.
PROGRAMS: Final = ("perl", "ruby", "plackup", "mojo")

#: What a small tree has: only files, no package is set up.
SMALL: Final = ("base-files", "coreutils", "libc-bin", "perl", "ruby", "ruby-rack")
#: What a whole one has beyond the base system.
WHOLE: Final = (
    "perl", "libplack-perl", "libmojolicious-perl", "libdancer2-perl", "ruby", "ruby-rack", "ruby-sinatra",
    "ruby-railties", "ruby-actioncable",
)  # fmt: skip
#: What is run in a whole one.
TESTS: Final = (
    "tests.live.test_psgi", "tests.live.test_psgi_io", "tests.live.test_psgi_shell", "tests.live.test_rack",
    "tests.live.test_ruby_frameworks", "tests.languages.perl", "tests.languages.ruby",
)  # fmt: skip

#: Says which versions a tree has.
_VERSIONS: Final = (
    ("perl", 'print "Perl ", substr $^V, 1; for (qw(Plack Mojolicious Dancer2)) '
             '{ print ", $_ ", $_->VERSION if eval "require $_" }'),
    ("ruby", 'require "rack"; print "; Ruby ", RUBY_VERSION, ", Rack ", Rack.release; '
             '{ "sinatra" => "Sinatra", "railties" => "Rails" }.each { |gem, name| '
             'Gem::Specification.find_all_by_name(gem).each { |one| print ", ", name, " ", one.version } }'),
)  # fmt: skip

#: A capability in the attributes of a file (``vfs_cap_data`` of linux/capability.h), and that of chroot().
_REVISION_2_EFFECTIVE: Final = 0x0200_0001
_CAP_SYS_CHROOT: Final = 18


class Unobtainable(Exception):
    """There is no tree, and none can be made; the text tells why."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A release in a folder.

    :ivar folder: ``root`` is the tree, ``bin`` has what stands for its programs.
    """

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def command(self, words: Sequence[str]) -> list[str]:
        """A command that runs *words* where the interpreters are those of the tree."""
        ours = [tempfile.gettempdir(), str(ROOT), str(Path(uwsgid.__file__).parent), "/proc", "/dev"]
        # inside of another of them, or of the tree, it is there already
        mounted = [one for one in ours if not any(one.startswith(f"{other}/") for other in ours)]
        lines = [f'mkdir -p "{self.root}{one}"; mount --bind "{one}" "{self.root}{one}"' for one in mounted]
        script = "set -e\n" + "\n".join(lines) + '\nexec "$@"'
        path = f"PATH={self.folder / 'bin'}:{os.environ.get('PATH', os.defpath)}"
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
        return [*enter, "env", path, "LC_ALL=C.UTF-8", *words]

    def versions(self) -> str:
        """What is in it, for people."""
        said = [
            subprocess.run(
                self.command([program, "-e", text]), stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            for program, text in _VERSIONS
        ]
        return "".join(said).strip()


def obtain(release: str, *, small: bool = False) -> Tree:
    """The tree of a release, made if there is none that fits.

    :param small: the interpreters and Rack are enough.
    :raises Unobtainable: it needs root, mmdebstrap and a mirror.
    """
    if os.geteuid() != 0:
        raise Unobtainable("needs root")
    if shutil.which("mmdebstrap") is None:
        raise Unobtainable("needs mmdebstrap; tests/debian-packages.txt")
    tree = Tree(TREES / (f"{release}-small" if small else release))
    packages = ",".join(SMALL if small else WHOLE)
    stamp = tree.folder / "packages"
    if not stamp.exists() or stamp.read_text() != packages:
        shutil.rmtree(tree.folder, ignore_errors=True)
        tree.folder.mkdir(parents=True)
        made = subprocess.run(
            [
                "mmdebstrap",
                f"--variant={'extract' if small else 'minbase'}",
                f"--include={packages}",
                '--aptopt=APT::Install-Recommends "false"',
                '--aptopt=Acquire::http::Timeout "15"',
                '--aptopt=Acquire::Retries "3"',
                release,
                str(tree.root),
                MIRROR,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if made.returncode:
            raise Unobtainable(f"no {release} can be had: {made.stdout.strip()[-300:]}")
        _make_programs(tree)
        stamp.write_text(packages)
    return tree


def _make_programs(tree: Tree) -> None:
    """Scripts that become programs of the tree, also where a test has taken another user."""
    folder = tree.folder / "bin"
    folder.mkdir()
    # those have no other way in than a chroot of their own with this capability
    chroot = shutil.copy(shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin") or "chroot", folder)
    attribute = struct.pack("<5I", _REVISION_2_EFFECTIVE, 1 << _CAP_SYS_CHROOT, 0, 0, 0)
    os.setxattr(chroot, "security.capability", attribute)
    for program in PROGRAMS:
        script = folder / program
        script.write_text(
            f'#!/bin/sh\nexec "{chroot}" "{tree.root}" /usr/bin/env -C "$PWD" /usr/bin/{program} "$@"\n'
        )
        script.chmod(0o755)


def main(arguments: Sequence[str]) -> int:
    """Run all tests of Perl and Ruby with the interpreters of these releases.

    :param arguments: how many processes run them at a time, behind ``--jobs``; names of releases.
    :returns: 0 where all passed in all.
    """
    words = list(arguments)
    jobs = [words.pop(0), words.pop(0)] if words[:1] == ["--jobs"] else []
    everything = {**os.environ, "UWSGID_NO_SKIPS": "1"}
    verdicts = {}
    for release in words or RELEASES:
        try:
            tree = obtain(release)
        except Unobtainable as error:
            print(f"{release}: {error}", file=sys.stderr)
            return 1
        versions = tree.versions()
        print(f"{release}: {versions}", flush=True)
        done = subprocess.run(
            tree.command([sys.executable, "-m", "tests.run", *jobs, *TESTS]), env=everything
        )
        verdicts[f"{release}: {versions}"] = done.returncode
    for what, status in verdicts.items():
        print(f"{'FAILED' if status else 'passed'} with {what}")
    return 1 if any(verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
