"""How many processes there are and when workers load their applications."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from uwsgid.config.kinds import Count, Flag, Integer, Seconds, SignedInteger, Text
from uwsgid.config.section import Section, flag, option, section

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


@section("Processes")
class Processes(Section):
    """The master and its workers."""

    master: Flag = flag(
        "master",
        "M",
        default=True,
        help="run a master process",
        note="There is always a master, with or without this option.",
    )
    processes: Integer = option("processes", "workers", "p", default=1, help="number of workers")
    threads: Count = option(
        "threads",
        "rb-threads",
        "rbthreads",
        "ruby-threads",
        default=1,
        implies=("enable-threads",),
        help="requests that one worker serves at a time",
        note="in Ruby they are threads of one interpreter",
    )
    thread_stacksize: Integer = option(
        "threads-stacksize",
        "thread-stacksize",
        "thread-stack-size",
        "threads-stack-size",
        default=0,
        help="stack of each thread, KiB",
    )
    enable_threads: Flag = flag(
        "enable-threads",
        "T",
        default=False,
        help="let applications start threads",
        note="Threads of applications always run.",
    )
    lazy_apps: Flag = flag("lazy-apps", default=False, help="load the application in each worker, after fork")
    lazy: Flag = flag("lazy", default=False, help="as lazy-apps; a reload restarts the workers only")
    no_server: Flag = flag("no-server", default=False, help="load everything, then exit")
    procname_prefix: Text = option(
        "procname-prefix", default="", implies=("auto-procname",), help="what process titles start with"
    )
    procname_prefix_spaced: Text = option(
        "procname-prefix-spaced", default="", implies=("auto-procname",), help="the same, and a space"
    )
    procname_append: Text = option(
        "procname-append", default="", implies=("auto-procname",), help="what process titles end with"
    )
    procname: Text = option("procname", default="", implies=("auto-procname",), help="title of the workers")
    procname_master: Text = option(
        "procname-master", default="", implies=("auto-procname",), help="title of the master"
    )
    auto_procname: Flag = flag("auto-procname", default=False, help="give each process a telling title")

    @property
    def prefix(self) -> str:
        """What titles start with, space included."""
        if self.procname_prefix_spaced:
            return self.procname_prefix_spaced + " "
        return self.procname_prefix

    def titled(self, text: str, own: str = "") -> str:
        """The title of a process that would call itself *text*, or *own* where the config says so."""
        return f"{self.prefix}{own or text}{self.procname_append}"

    @property
    def loads_late(self) -> bool:
        """Whether each worker loads the applications for itself."""
        return self.lazy_apps or self.lazy


@section("Recycling")
class Recycling(Section):
    """When a worker has served long enough and is replaced by a fresh one."""

    max_requests: Integer = option("max-requests", "R", default=0, help="replace a worker after this many")
    max_requests_delta: Integer = option(
        "max-requests-delta", default=0, help="add this times (worker - 1), so that they do not go together"
    )
    min_lifetime: Seconds = option(
        "min-worker-lifetime", default=10, help="a worker is not replaced before this age"
    )
    max_lifetime: Seconds = option("max-worker-lifetime", default=0, help="replace a worker at this age")
    max_lifetime_delta: Seconds = option(
        "max-worker-lifetime-delta", default=0, help="add this times (worker - 1)"
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """A worker must be allowed to live for as long as it has to."""
        if self.max_lifetime and self.max_lifetime <= self.min_lifetime:
            yield (
                f"invalid min-worker-lifetime value ({self.min_lifetime}), "
                f"must be lower than max-worker-lifetime ({self.max_lifetime})"
            )

    def request_limit(self, slot: int) -> int:
        """Requests after which worker *slot* goes, 0 for never."""
        return self.max_requests + (slot - 1) * self.max_requests_delta if self.max_requests else 0

    def lifetime_limit(self, slot: int) -> int:
        """Seconds after which worker *slot* goes, 0 for never."""
        return self.max_lifetime + (slot - 1) * self.max_lifetime_delta if self.max_lifetime else 0


@section("Stopping and reloading")
class Endings(Section):
    """How long farewells may take, and what ends the instance."""

    worker_mercy: Seconds = option(
        "worker-reload-mercy", default=60, help="seconds a worker gets to finish before it is killed"
    )
    reload_mercy: Seconds = option(
        "reload-mercy", default=0, help="the most that a stop or a reload of the whole instance may take"
    )
    die_on_term: Flag = flag(
        "die-on-term",
        default=True,
        help="SIGTERM stops the instance",
        note="On by default, as in uWSGI 2.1; false brings the brutal reload of 1.9 back.",
    )
    exit_on_reload: Flag = flag("exit-on-reload", default=False, help="exit where a reload would start anew")
    vacuum: Flag = flag("vacuum", default=False, help="remove pidfiles and unix sockets at exit")
    no_orphans: Flag = flag(
        "no-orphans",
        default=True,
        help="workers end when the master dies",
        note="Always so in uwsgid: a worker without a master leaves.",
    )
    skip_atexit: Flag = flag("skip-atexit", default=False, help="workers leave without atexit functions")
    check_interval: Count = option("check-interval", default=1, help="seconds between the master's checks")
    forkbomb_delay: SignedInteger = option(
        "forkbomb-delay", default=2, help="seconds to rest when workers die too fast"
    )

    def mercy(self) -> float:
        """Seconds that a worker gets when the instance stops or reloads."""
        if self.reload_mercy:
            return min(self.reload_mercy, self.worker_mercy)
        return self.worker_mercy
