"""Mothers, children, and who minds whom."""

from __future__ import annotations

import os
import signal
import socket
import time

from tests.languages.ruby.harness import PATIENCE, RubyCase
from uwsgid.languages.foreign.frames import BridgeError, counted, frame

PID = "run ->(env) { [200, {}, [Process.pid.to_s]] }"


def gone(pid: int) -> bool:
    """Whether a process ends in time."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as facts:
                if facts.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


class Children(RubyCase):
    def test_each_connection_has_a_child(self) -> None:
        """Cores do not share a process, unless they are threads."""
        mother = self.mother(self.write("config.ru", PID))
        one, two = self.child(mother), self.child(mother, 1)
        self.assertEqual(int(one.ask().body), one.pid)
        self.assertEqual(int(two.ask().body), two.pid)
        self.assertNotIn(one.pid, (two.pid, mother.pid))

    def test_threads_share_a_child(self) -> None:
        """With threads the cores of a worker are threads of one process, and know their numbers."""
        text = """
        run ->(env) do
          sleep 0.01 until ($here ||= 0; $here += 1) >= 2 || env['PATH_INFO'] != '/meet'
          [200, {}, [[Process.pid, env['uwsgi.core'], env['rack.multithread']].inspect]]
        end
        """
        mother = self.mother(self.write("config.ru", text), threads="2")
        one, two = self.child(mother), self.child(mother, 1)
        turns = one.send({"PATH_INFO": "/meet"}), two.send({"PATH_INFO": "/meet"})
        self.assertEqual(one.answer(turns[0]).body.decode(), f"[{one.pid}, 0, true]")
        self.assertEqual(two.answer(turns[1]).body.decode(), f"[{one.pid}, 1, true]")
        one.line.close()
        self.assertIn(b"1, true", two.ask().body)
        two.line.close()
        self.assertTrue(gone(one.pid))

    def test_a_child_ends_with_its_connection(self) -> None:
        """The end of the connection is the end of the child, which may say goodbye."""
        mark = self.folder / "goodbye"
        child = self.serve(f"at_exit {{ File.write({str(mark)!r}, Process.pid.to_s) }}\n{PID}")
        child.line.shutdown(socket.SHUT_WR)
        self.assertEqual(child.line.recv(1), b"")
        self.assertTrue(gone(child.pid))
        self.assertEqual(mark.read_text(), str(child.pid))

    def test_a_busy_child_does_not_outlive_its_worker(self) -> None:
        """A child whose worker is gone is killed, whatever it is busy with."""
        child = self.serve("run ->(env) { begin; loop {}; ensure; loop {}; end }")
        child.send({"PATH_INFO": "/"})
        child.line.close()
        self.assertTrue(gone(child.pid))

    def test_a_crash_ends_the_connection(self) -> None:
        """Who waits for a child that dies hears of it, though its own children hold the connection."""
        child = self.serve(
            "run ->(env) { spawn('sleep 3'); fork { sleep 3 }; Process.kill(:KILL, Process.pid) }"
        )
        child.send({"PATH_INFO": "/"})
        with self.assertRaises(EOFError):
            child.hear()

    def test_children_do_not_outlive_their_mother(self) -> None:
        """A mother that dies takes her children along."""
        mother = self.mother(self.write("config.ru", "run ->(env) { loop {} }"))
        child = self.child(mother)
        child.send({"PATH_INFO": "/"})
        os.kill(mother.pid, signal.SIGKILL)
        self.assertTrue(gone(child.pid))

    def test_a_mother_ends_with_her_line(self) -> None:
        """When nobody of her generation is left she ends, and so do her children."""
        mother = self.mother(self.write("config.ru", PID))
        child = self.child(mother)
        mother.end()
        self.assertTrue(gone(child.pid))
        self.assertTrue(gone(mother.pid))

    def test_strangers_are_not_served(self) -> None:
        """Who does not know the token gets nothing."""
        mother = self.mother(self.write("config.ru", PID))
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(PATIENCE)
            stranger.connect(mother._address)
            stranger.sendall(frame(b"t", counted([b"guess", b"1", b"0"])))
            self.assertEqual(stranger.recv(100), b"")
        self.assertEqual(self.child(mother).ask().status, "200")

    def test_a_greedy_child_is_killed(self) -> None:
        """A child with more memory than it may have is ended."""
        text = "run ->(env) { $kept = 'x' * (200 << 20); sleep 60 }"
        mother = self.mother(self.write("config.ru", text), **{"evil-rss": str(150 << 20)})
        child = self.child(mother)
        child.send({"PATH_INFO": "/"})
        with self.assertRaises(EOFError):
            child.hear()

    def test_a_file_that_children_require_may_fail(self) -> None:
        """A child that can not get ready says why."""
        mother = self.mother(self.write("config.ru", PID), require=self.write("own.rb", "raise 'not here'"))
        with self.assertRaisesRegex(BridgeError, "not here"):
            self.child(mother)


class Api(RubyCase):
    def test_constants(self) -> None:
        """The module UWSGI knows its instance before applications are loaded."""
        text = """
        FOUND = [UWSGI::VERSION, UWSGI::HOSTNAME, UWSGI::NUMPROC, UWSGI::OPT, UWSGI::SPOOL_OK].inspect
        run ->(env) { [200, {}, [FOUND]] }
        """
        child = self.serve(text, version="1.9.16", opt=["a\0b", "c\0d", "c\0e"])
        self.assertEqual(child.ask().body, b'["1.9.16", "node.example", 2, {"a"=>"b", "c"=>["d", "e"]}, -2]')

    def test_functions_ask_the_worker(self) -> None:
        """A call goes to the worker, and what it answers comes back."""
        child = self.serve("run ->(env) { [200, {}, [UWSGI.some_thing('a', 5).inspect]] }")
        answers = {b"\0": b"nil", b"\1text": b'"text"', b"\0024": b"[]", b"\x0412": b"12"}
        for said, shown in answers.items():
            if said == b"\0024":
                said = b"\2" + counted([b"x", b""])
                shown = b'["x", ""]'
            answer = child.ask(answers={"some_thing": said})
            self.assertEqual((answer.calls, answer.body), ([[b"some_thing", b"a", b"5"]], shown))

    def test_what_the_worker_refuses_is_raised(self) -> None:
        """An error of a function is UWSGI::Error."""
        child = self.serve(
            "run ->(env) { [200, {}, [begin; UWSGI.lock(9); rescue UWSGI::Error => e; e.message; end]] }"
        )
        answer = child.ask(answers={"lock": b"\3Invalid lock number"})
        self.assertEqual(answer.body, b"UWSGI.lock: Invalid lock number")

    def test_functions_work_while_applications_are_loaded(self) -> None:
        """The starter answers calls during the load."""
        child = self.serve("FOUND = UWSGI.some_thing('a'); run ->(env) { [200, {}, [FOUND]] }")
        self.assertEqual(child.ask().body, b"some_thing+a")

    def test_post_fork_hook(self) -> None:
        """What applications define as UWSGI.post_fork_hook is called in each child."""
        text = """
        module UWSGI
          def self.post_fork_hook; $mine = Process.pid; end
        end
        run ->(env) { [200, {}, [($mine == Process.pid).inspect]] }
        """
        self.assertEqual(self.serve(text).ask().body, b"true")
