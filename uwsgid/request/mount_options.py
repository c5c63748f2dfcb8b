"""Several applications in one instance: options only.  `uwsgid.request.mounts` finds the one that answers."""

from __future__ import annotations

from typing import Annotated

from uwsgid.config.kinds import Count, Flag, Kind
from uwsgid.config.section import Section, flag, option, section


def _mount(text: str) -> tuple[str, str]:
    point, equals, app = text.partition("=")
    if not equals:
        raise ValueError(f"invalid mountpoint: {text}; expected /point=app")
    return point, app


#: ``/point=app``, as many as there are.
Mounts = Annotated[tuple[tuple[str, str], ...], Kind("mounts", "/point=app", _mount, many=True)]


@section("Applications")
class Mounting(Section):
    """Several applications in one instance, and which of them answers."""

    mounts: Mounts = option(
        "mount",
        "worker-mount",
        default=(),
        help="load an application and let it answer for a mountpoint: /point=app",
        note="where it does not load, its requests get a 500; uWSGI asks the default application",
    )
    manage_script_name: Flag = flag(
        "manage-script-name",
        default=False,
        help="find the mountpoint in PATH_INFO, and move it from there to SCRIPT_NAME",
        note="a mountpoint ends where a segment ends, as in uWSGI 2.0: /foo does not answer for /foobar",
    )
    ignore_script_name: Flag = flag(
        "ignore-script-name", default=False, help="choose the application without looking at SCRIPT_NAME"
    )
    no_default_app: Flag = flag(
        "no-default-app",
        default=False,
        help="answer 500 where no mountpoint matches, instead of asking the default application",
        note="the default is the first application whose mountpoint is empty or starts with a slash",
    )
    max_apps: Count = option("max-apps", default=64, help="how many applications a worker may load")
    vhost: Flag = flag(
        "vhost",
        "virtualhosting",
        default=False,
        help="mountpoints are host|/point, and SERVER_NAME chooses",
    )
    vhost_host: Flag = flag(
        "vhost-host",
        default=False,
        implies=("vhost",),
        help="as vhost, by the Host header of the request",
    )
    need_app: Flag = flag("need-app", default=False, help="exit when no application could be loaded")
    single_interpreter: Flag = flag(
        "single-interpreter",
        "i",
        default=False,
        help="all applications of a worker share one interpreter",
        note="a uwsgid worker has one interpreter, with or without this option",
    )
