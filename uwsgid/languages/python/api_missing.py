"""The functions of uWSGI's module that uwsgid does not have yet: they exist, and say so when they are called.

An application may look for a function with ``hasattr`` or take it at import; it learns at the call, and from
a clear text, that a feature is missing.  Nothing here pretends.  A room that brings a feature registers its
functions in `uwsgid.families.api_functions`, which always wins over these tables.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from uwsgid.errors import NotBuiltYet

#: What a spooler function answers.
SPOOL_OK: Final = -2
SPOOL_RETRY: Final = -1
SPOOL_IGNORE: Final = 0

#: The features that are not built yet, and their functions.
MISSING: Final[Mapping[str, tuple[str, ...]]] = {
    "the signal framework": (
        "register_signal", "signal", "signal_wait", "signal_received", "signal_registered",
        "add_file_monitor", "add_timer", "add_ms_timer", "add_rb_timer", "add_cron",
    ),
    "RPC": ("register_rpc", "rpc", "call", "rpc_list"),
    "routing": ("route",),
    "the cache": (
        "cache_get", "cache_set", "cache_update", "cache_del", "cache_exists", "cache_clear", "cache_inc",
        "cache_dec", "cache_mul", "cache_div", "cache_num", "cache_keys",
    ),
    "the queue": (
        "queue_get", "queue_set", "queue_push", "queue_pop", "queue_pull", "queue_last", "queue_slot",
        "queue_pull_slot",
    ),
    "the sharedarea": (
        "sharedarea_read", "sharedarea_write", "sharedarea_readbyte", "sharedarea_writebyte",
        "sharedarea_readlong", "sharedarea_writelong", "sharedarea_inclong", "sharedarea_read8",
        "sharedarea_write8", "sharedarea_read16", "sharedarea_write16", "sharedarea_read32",
        "sharedarea_write32", "sharedarea_read64", "sharedarea_write64", "sharedarea_inc8",
        "sharedarea_inc16",
        "sharedarea_inc32", "sharedarea_inc64", "sharedarea_dec8", "sharedarea_dec16", "sharedarea_dec32",
        "sharedarea_dec64", "sharedarea_rlock", "sharedarea_wlock", "sharedarea_unlock",
        "sharedarea_memoryview", "sharedarea_object",
    ),
    "the spooler": (
        "send_to_spooler", "spool", "set_spooler_frequency", "spooler_jobs", "spooler_pid", "spooler_pids",
        "spooler_get_task", "spooler_dir",
    ),
    "mules": (
        "mule_msg", "farm_msg", "mule_get_msg", "farm_get_msg", "in_farm", "mule_file", "mule_msg_recv_size",
        "install_mule_msg_hook",
    ),
    "asynchronous cores": (
        "async_sleep", "async_connect", "suspend", "green_schedule", "wait_fd_read", "wait_fd_write",
        "sorry_i_need_to_block", "recv_block",
    ),
    "offloading": ("offload",),
    "embedded data": ("embedded_data",),
    "websockets": (
        "websocket_handshake", "websocket_send", "websocket_send_binary", "websocket_recv",
        "websocket_recv_nb",
    ),
    "the chunked input API": ("chunked_read", "chunked_read_nb"),
    "metrics": (
        "metric_get", "metric_set", "metric_inc", "metric_dec", "metric_mul", "metric_div", "metric_set_max",
        "metric_set_min",
    ),
    "SNMP": (
        "snmp_set_community", "snmp_set_counter32", "snmp_set_counter64", "snmp_set_gauge",
        "snmp_incr_counter32",
        "snmp_incr_counter64", "snmp_incr_gauge", "snmp_decr_counter32", "snmp_decr_counter64",
        "snmp_decr_gauge",
    ),
    "the legion": ("i_am_the_lord", "lord_scroll", "scrolls"),
    "options that change while running": (
        "getoption", "get_option", "setoption", "set_option", "has_hook", "request_context",
    ),
}  # fmt: skip

#: Attributes that an application sets for a feature that is not built yet.
UNUSED_HOOKS: Final[Mapping[str, str]] = {"spooler": "the spooler", "mule_msg_hook": "mules"}


@functools.cache
def missing_functions() -> Mapping[str, Callable[..., NoReturn]]:
    """A function for each missing name."""
    return {name: _missing(name, feature) for feature, names in MISSING.items() for name in names}


def _missing(name: str, feature: str) -> Callable[..., NoReturn]:
    def missing(*args: object, **named: object) -> NoReturn:
        raise NotBuiltYet(f"uwsgi.{name}(): uwsgid does not have {feature} yet")

    missing.__name__ = missing.__qualname__ = name
    missing.__doc__ = f"Not built yet: {feature}."
    return missing
