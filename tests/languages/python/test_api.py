"""Tests of `uwsgid.languages.python.api`."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from tests.languages.python.serving import ServerCase
from uwsgid.errors import AppError, NotBuiltYet
from uwsgid.languages.python.api import call_hook
from uwsgid.languages.python.api_missing import MISSING

#: Every name that uWSGI's documentation promises, those of configured features left out.
_TEXT = """
version version_info hostname numproc cores has_threads buffer_size started_on is_a_reload opt
magic_table env SPOOL_OK SPOOL_RETRY SPOOL_IGNORE queue_size start_response applications loop unbit
sockets reload stop workers masterpid worker_id mule_id total_requests request_id mem listen_queue
getoption get_option setoption set_option sorry_i_need_to_block has_hook recv_block setprocname log
log_this_request set_logvar get_logvar logsize alarm disconnect cl set_warning_message set_user_harakiri
ready ready_fd i_am_the_spooler i_am_the_lord lord_scroll scrolls micros accepting mule_file
mule_msg_recv_size spooler_dir request_context install_mule_msg_hook add_var lock unlock is_locked
register_signal signal signal_wait signal_received signal_registered add_file_monitor add_timer
add_ms_timer add_rb_timer add_cron register_rpc rpc call rpc_list route cache_get cache_set cache_update
cache_del cache_exists cache_clear cache_inc cache_dec cache_mul cache_div cache_num cache_keys
queue_get queue_set queue_push queue_pop queue_pull queue_last queue_slot queue_pull_slot
sharedarea_read sharedarea_write sharedarea_readbyte sharedarea_writebyte sharedarea_readlong
sharedarea_writelong sharedarea_inclong sharedarea_rlock sharedarea_wlock sharedarea_unlock
sharedarea_memoryview sharedarea_object sharedarea_read8 sharedarea_write16 sharedarea_inc32
sharedarea_dec64 send_to_spooler spool set_spooler_frequency spooler_jobs spooler_pid spooler_pids
spooler_get_task mule_msg farm_msg mule_get_msg farm_get_msg in_farm async_sleep async_connect suspend
green_schedule wait_fd_read wait_fd_write connect connection_fd is_connected send recv close sendfile
offload parsefile embedded_data extract websocket_handshake websocket_send websocket_send_binary
websocket_recv websocket_recv_nb chunked_read chunked_read_nb metric_get metric_set metric_inc
metric_dec metric_mul metric_div metric_set_max metric_set_min snmp_set_community snmp_set_counter32
snmp_set_counter64 snmp_set_gauge snmp_incr_counter32 snmp_decr_gauge
"""
NAMES = _TEXT.split()


class NameTests(ServerCase):
    def test_every_name_of_uwsgi_exists(self) -> None:
        """In a worker, during a request."""
        uwsgi = self.install()
        self.serve()
        self.begin()
        self.assertEqual([name for name in NAMES if not hasattr(uwsgi, name)], [])

    def test_what_is_not_built_says_so(self) -> None:
        """Each missing function names itself and its feature, whatever it is called with."""
        uwsgi = self.install()
        for feature, names in MISSING.items():
            for name in names:
                error = self.assertRaises(NotBuiltYet, getattr(uwsgi, name), 1, two=2)
                self.assertEqual(str(error), f"uwsgi.{name}(): uwsgid does not have {feature} yet")

    def test_a_function_that_somebody_built_wins(self) -> None:
        """No built function stands in the table of missing ones."""
        from uwsgid.families import api_functions

        missing = {name for names in MISSING.values() for name in names}
        self.assertEqual([member.name for member in api_functions if member.name in missing], [])

    def test_outside_the_server_there_is_no_such_module(self) -> None:
        """Importing uwsgid does not make one."""
        sys.modules.pop("uwsgi", None)
        self.assertRaises(ImportError, importlib.import_module, "uwsgi")


class AttributeTests(ServerCase):
    options = "processes = 3\nthreads = 2\nset-ph = x=1\nmodule = a\nimport = b\nimport = c\nmaster"

    def test_what_the_configuration_says(self) -> None:
        """Numbers are numbers, texts are bytes."""
        uwsgi = self.install()
        self.assertEqual((uwsgi.numproc, uwsgi.cores, uwsgi.has_threads, uwsgi.buffer_size), (3, 2, 1, 4096))
        self.assertEqual((uwsgi.version, uwsgi.version_info), (b"1.9.16", (1, 9, 16, 0, "")))
        self.assertIsInstance(uwsgi.hostname, bytes)
        self.assertEqual((uwsgi.started_on, uwsgi.is_a_reload), (1_500_000_000, True))
        self.assertEqual((uwsgi.SPOOL_OK, uwsgi.SPOOL_RETRY, uwsgi.SPOOL_IGNORE), (-2, -1, 0))

    def test_options_are_a_dict_of_bytes(self) -> None:
        """A repeated option is a list, one without a value is True."""
        opt = self.install().opt
        self.assertEqual((opt["import"], opt["module"], opt["master"]), ([b"b", b"c"], b"a", True))

    def test_magic_table(self) -> None:
        """Its letters are bytes, and those of the file are there."""
        table = self.install().magic_table
        self.assertEqual(table[b"o"], b"lines")
        self.assertIn(b"h", table)

    def test_some_attributes_exist_where_configured_only(self) -> None:
        """As in uWSGI."""
        uwsgi = self.install()
        self.assertFalse(hasattr(uwsgi, "mode"))
        self.assertFalse(hasattr(uwsgi, "pidfile"))
        self.assertIsNone(uwsgi.loop)


class ConfiguredTests(ServerCase):
    options = "loop = simple"

    def test_the_loop(self) -> None:
        """Its name, as bytes."""
        self.assertEqual(self.install().loop, b"simple")


class RequestTests(ServerCase):
    def test_env_is_the_environ_of_the_moment(self) -> None:
        """The same dict, not a copy."""
        uwsgi = self.install()
        self.assertEqual(uwsgi.env, {})
        self.serve()
        request = self.begin(PATH_INFO="/x")
        self.assertIs(uwsgi.env, request.vars)

    def test_start_response_starts_the_answer_of_the_moment(self) -> None:
        """And returns its write()."""
        uwsgi = self.install()
        self.assertRaises(AppError, lambda: uwsgi.start_response)
        self.serve()
        reply: Any = self.begin().reply
        uwsgi.start_response("200 OK", [("A", "b")])(b"data")
        self.assertEqual(reply.calls, [("200 OK", [("A", "b")]), b"data"])


class HookTests(ServerCase):
    def test_a_hook_set_while_loading_runs_after_each_request(self) -> None:
        """Before what the worker does then."""
        calls: list[str] = []
        self.install().after_req_hook = lambda: calls.append("hook")
        after = self.serve().after_request
        assert after is not None
        after(1)
        self.assertEqual((calls, self.ended), (["hook"], [1]))

    def test_a_hook_set_later_runs_as_well(self) -> None:
        """Once for each request, however often it is set, and its errors go to the log."""
        uwsgi = self.install()
        serving = self.serve()
        uwsgi.after_req_hook = uwsgi.after_req_hook = lambda: 1 / 0
        assert serving.after_request is not None
        serving.after_request(0)
        self.assertEqual((self.said.count("ZeroDivisionError: division by zero"), self.ended), (1, [0]))

    def test_without_a_hook_nothing_stands_between(self) -> None:
        """The worker's own function is called directly."""
        self.install()
        self.assertEqual(self.serve().after_request, self.ended.append)

    def test_hooks_are_called_by_name(self) -> None:
        """Where the application set them, and only there."""
        uwsgi = self.install()
        call_hook("post_fork_hook")
        calls: list[int] = []
        uwsgi.post_fork_hook = lambda: calls.append(1)
        call_hook("post_fork_hook")
        self.assertEqual(calls, [1])

    def test_hooks_of_missing_features_are_noticed(self) -> None:
        """They can be set, and the log says that nobody will call them."""
        self.install().spooler = len
        self.assertEqual(self.said, ["uwsgi.spooler was set, but uwsgid does not have the spooler yet"])
