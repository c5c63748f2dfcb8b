"""What the configuration says about applications in Perl."""

from __future__ import annotations

from uwsgid.config.kinds import Flag, OptionalTexts, Seconds, Text, Texts
from uwsgid.config.section import Section, flag, option, section


@section("Perl")
class PerlApps(Section):
    """PSGI applications, which run in interpreters of their own, a child of one mother for each core."""

    psgi: Text = option(
        "psgi",
        "psgi-file",
        default="",
        help="load a PSGI application from a file",
        note="psgi-file is uwsgid's own spelling.",
    )
    local_lib: Texts = option(
        "perl-local-lib",
        default=(),
        help="find modules below this directory first, as local::lib does; the module itself is not needed",
    )
    version: Flag = flag("perl-version", default=False, help="print the version of Perl and exit")
    args: Text = option("perl-args", default="", help="@ARGV of the application, split at blanks")
    arg: Texts = option("perl-arg", default=(), help="one item of @ARGV; these win over perl-args")
    execute: Texts = option("perl-exec", default=(), help="run a Perl script once, before workers are forked")
    execute_post_fork: Texts = option(
        "perl-exec-post-fork", default=(), help="run a Perl script in the interpreter of each worker"
    )
    reload: Seconds = option(
        "perl-auto-reload",
        default=0,
        implies=("master",),
        help="look for changed modules every so many seconds, and reload; for development",
    )
    unwatched: Texts = option(
        "perl-auto-reload-ignore", default=(), help="a module whose changes do not matter"
    )
    no_plack: Flag = flag(
        "perl-no-plack", default=False, help="load applications without Plack, even where it is installed"
    )
    shell: OptionalTexts = option(
        "plshell",
        default=(),
        implies=("honour-stdin",),
        help="the first worker is a shell on the terminal, Devel::REPL or this code, again when that ends",
    )
    shell_once: OptionalTexts = option(
        "plshell-oneshot",
        default=(),
        implies=("honour-stdin",),
        help="the same, and when it ends the worker serves",
    )
    psgix_io: Flag = flag(
        "psgi-enable-psgix-io",
        default=False,
        help="give applications the connection of the client in psgix.io",
        note="opened when it is first used, so that other requests pay nothing",
    )
