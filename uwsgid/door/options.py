"""Options of the instance as a whole: its background, its pidfiles, its environment, its plugins."""

from __future__ import annotations

from uwsgid.config.kinds import Csv, OptionalTexts, Text, Texts
from uwsgid.config.section import Section, option, section


@section("The instance")
class Instance(Section):
    """How the instance sits on its machine."""

    daemonize: Text = option(
        "daemonize", "d", default="", help="go to the background and log to this file or UDP address"
    )
    daemonize2: Text = option(
        "daemonize2",
        default="",
        help="the same, after the applications were loaded",
        note="Goes to the background before the applications are loaded, as daemonize does.",
    )
    pidfile: Text = option("pidfile", default="", help="write the pid of the master, before privileges drop")
    pidfile2: Text = option(
        "pidfile2", default="", help="write the pid of the master, after privileges dropped"
    )
    safe_pidfile: Text = option("safe-pidfile", default="", help="as pidfile, removed when the start fails")
    safe_pidfile2: Text = option(
        "safe-pidfile2", default="", help="as pidfile2, removed when the start fails"
    )
    env: Texts = option("env", default=(), help="set an environment variable, NAME=value")
    unenv: Texts = option("unenv", default=(), help="remove an environment variable")
    envdir: Texts = option("envdir", default=(), help="set a variable for each file of this directory")
    plugins: Csv = option(
        "plugins", "plugin", default=(), help="load plugins; those of uWSGI that are built in need none"
    )
    need_plugins: Csv = option(
        "need-plugins", "need-plugin", default=(), help="load plugins, and do not start without them"
    )
    mode: Text = option("mode", default="", help="a text for applications, as uwsgi.mode")
    force_cwd: Text = option("force-cwd", default="", help="go to this directory at start and at each reload")


@section("One-shot commands")
class OneShot(Section):
    """Things to do instead of serving."""

    stop: Text = option("stop", default="", immediate=True, help="stop the instance whose pidfile this is")
    reload: Text = option(
        "reload", default="", immediate=True, help="reload the instance whose pidfile this is"
    )
    pause: OptionalTexts = option(
        "pause",
        "suspend",
        "resume",
        default=(),
        immediate=True,
        help="pause or resume the instance whose pidfile this is",
    )
    connect_and_read: Text = option(
        "connect-and-read", default="", help="print what an address sends (such as a stats server), and exit"
    )
