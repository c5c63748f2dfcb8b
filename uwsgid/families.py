"""The families, side by side: all that can be extended.

Members register themselves where they live (``@protocols.member("uwsgi")``); `uwsgid.door.catalog` imports
the built-in ones from a plain list, others come from the entry-point group ``uwsgid.plugins``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from uwsgid.registry import Registry

#: Texts of configuration to directives: ``ini``, ``yaml``, ``json``, ``xml``.
config_formats: Final[Registry[Any]] = Registry("config format")
#: Where the text of a configuration comes from: ``path``, ``exec``, ``http``, ``fd``, ….
config_sources: Final[Registry[Any]] = Registry("config source")
#: What is spoken on a socket of the workers: ``uwsgi``, ``http``.
protocols: Final[Registry[Any]] = Registry("protocol")
#: Languages whose applications can be loaded: ``python``.
languages: Final[Registry[Any]] = Registry("language")
#: How a worker waits: ``simple``, ``threads``, ``reactor``.
loop_engines: Final[Registry[Any]] = Registry("loop engine")
#: What a forked child becomes: ``zygote``, ``worker``, ``gateway``.
roles: Final[Registry[Any]] = Registry("role")
#: Rooms that want processes of their own: what is opened for them at boot (`uwsgid.supervise.gateways`).
gateway_setups: Final[Registry[Callable[..., Any]]] = Registry("gateway setup")
#: The same for what belongs into the jail of the instance, where it enters one: tun devices.
jail_setups: Final[Registry[Callable[..., Any]]] = Registry("jail setup")
#: What a hook does: ``exec``, ``mount``, ``write`` … (`uwsgid.hooks.scene.Action`).
hook_actions: Final[Registry[Any]] = Registry("hook action")
#: Functions of the ``uwsgi`` module that applications import, by name.
api_functions: Final[Registry[Callable[..., Any]]] = Registry("function of the uwsgi module")
#: Where a log line can go: ``file``, ``rsyslog`` … (`uwsgid.logs.loggers`).
loggers: Final[Registry[Any]] = Registry("logger")
#: What changes a line on its way there: ``json``, ``gzip`` … (`uwsgid.logs.encoders`).
log_encoders: Final[Registry[Any]] = Registry("log encoder")
#: What an alarm does when it is raised: ``cmd``, ``log`` (`uwsgid.alarms.plugins`).
alarms: Final[Registry[Any]] = Registry("alarm plugin")
#: Where an emperor finds its vassals, by scheme: ``dir``, ``glob``.
imperial_monitors: Final[Registry[Any]] = Registry("imperial monitor")
