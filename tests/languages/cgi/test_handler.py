"""Real scripts: good ones, large ones, and those that break every promise."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from pathlib import Path

from tests.descriptors import open_descriptors
from tests.languages.cgi.support import CgiCase, is_alive
from uwsgid.request.body import Body

ERROR = b"HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n%s"


def error(status: int, reason: bytes) -> bytes:
    return ERROR % (status, reason, reason)


class AnswerTests(CgiCase):
    def test_an_answer(self) -> None:
        """What a script writes is the answer."""
        self.script("a.sh", r"printf 'Content-Type: text/plain\r\nX-A: b\r\n\r\nhello\n'")
        self.assertEqual(
            self.ask("/a.sh"), b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: b\r\n\r\nhello\n"
        )

    def test_no_body(self) -> None:
        """A head alone is an answer."""
        self.script("a.sh", r"printf 'Location: /x\n\n'")
        self.assertEqual(self.ask("/a.sh"), b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n")

    def test_variables_arguments_and_directory(self) -> None:
        """It runs in its own directory, with its variables, and the words of the query as arguments."""
        self.script("sub/a.sh", r'''printf 'X: y\n\n'; echo "$SCRIPT_NAME|$PATH_INFO|$#|$2|$(pwd)|$HTTP_X"''')
        answer = self.ask("/sub/a.sh/p", QUERY_STRING="one+t%20wo", HTTP_X="$(id)")
        self.assertTrue(answer.endswith(f"/sub/a.sh|/p|2|t wo|{self.folder}/sub|$(id)\n".encode()), answer)

    def test_no_shell(self) -> None:
        """Neither path nor query nor names of files are ever read by a shell."""
        self.script("a;touch x;.sh", r'''printf 'X: y\n\n'; echo "$1"''')
        answer = self.ask("/a;touch x;.sh", QUERY_STRING="$(touch%20y)`touch%20y`")
        self.assertTrue(answer.endswith(b"\n$(touch y)`touch y`\n"), answer)
        self.assertEqual(sorted(os.listdir(self.folder)), ["a;touch x;.sh"])

    def test_helper(self) -> None:
        """A program that is found by PATH runs what has its ending."""
        (self.folder / "a.x").write_text("printf 'X: y\\n\\n'; echo $0\n")
        self.configure("cgi-helper = .x=sh")
        self.assertTrue(self.ask("/a.x").endswith(f"\n{self.folder}/a.x\n".encode()))

    def test_body(self) -> None:
        """A body is the input of the script, whatever part of it came with the head."""
        self.script("a.sh", r"printf 'X: y\n\n'; cat")
        for here in (0, 3, 6):
            self.assertTrue(self.ask("/a.sh", b"abc\ndef", here=here).endswith(b"\r\n\r\nabc\ndef"), here)

    def test_no_input(self) -> None:
        """Without a body the input is empty, at once."""
        self.script("a.sh", r"printf 'X: y\n\n'; cat; echo end")
        self.assertTrue(self.ask("/a.sh").endswith(b"\r\n\r\nend\n"))

    def test_much_in_and_out(self) -> None:
        """A script that echoes megabytes while they arrive waits for nobody for ever."""
        self.script("cat.sh", r"printf 'X: y\n\n'; exec cat")
        body = os.urandom(4 << 20)
        answer = self.ask("/cat.sh", body)
        self.assertEqual(hashlib.sha256(answer[-len(body) :]).digest(), hashlib.sha256(body).digest())

    def test_a_client_that_reads_only_when_it_has_sent_all(self) -> None:
        """Nor does anybody wait where the client does not read before its body has gone."""
        self.script("cat.sh", r"printf 'X: y\n\n'; exec cat")
        body = os.urandom(3 << 20)
        client = self.client("/cat.sh", body, reads=False)

        def read_late() -> None:
            client.wait_until_sent()
            client.start_to_read()

        starter = threading.Thread(target=read_late, daemon=True)
        starter.start()
        self.handler(client.request)
        starter.join()
        self.assert_all_gone()
        self.assertTrue(client.answer().endswith(body))

    def test_no_answer_before_the_body(self) -> None:
        """The answer starts once the body is here: nginx sends no more of it when an answer comes."""
        note = self.folder / "note"
        self.script("cat.sh", rf"printf 'X: y\n\nhello '; touch {note}; exec cat")
        client = self.client("/cat.sh", b"whole", here=5)
        client.request.body = Body(client.connection, 10, b"whole")
        seen: list[bytes] = []

        def send_late() -> None:
            self.wait_until(note.exists, "the start of the answer")
            time.sleep(0.1)  # in which nothing is to happen
            seen.append(client.received)
            client.socket.sendall(b" body")

        sender = threading.Thread(target=send_late, daemon=True)
        sender.start()
        self.handler(client.request)
        sender.join()
        self.assertEqual(seen, [b""])
        self.assertTrue(client.answer().endswith(b"hello whole body"))

    def test_streams(self) -> None:
        """What is written arrives while the script goes on."""
        gate = self.folder / "gate"
        self.script(
            "a.sh", rf"printf 'X: y\n\nfirst'; until [ -e {gate} ]; do sleep 0.02; done; printf second"
        )
        client = self.client("/a.sh")
        seen: list[bool] = []

        def open_gate() -> None:
            self.wait_until(lambda: client.received.endswith(b"first"), "the first part")
            seen.append(True)
            gate.touch()

        opener = threading.Thread(target=open_gate, daemon=True)
        opener.start()
        self.handler(client.request)
        opener.join()
        self.assertTrue(client.answer().endswith(b"firstsecond"))
        self.assertEqual(seen, [True])

    def test_reads_no_more_than_it_promised(self) -> None:
        """Behind its Content-Length a script is not heard."""
        self.script("a.sh", r"printf 'Content-Length: 3\n\nabcdef'")
        self.assertTrue(self.ask("/a.sh").endswith(b"\r\n\r\nabc"))

    def test_descriptors(self) -> None:
        """A script has three descriptors, whatever the server has open and leaves to its children."""
        reader, writer = os.pipe()
        os.set_inheritable(reader, True)
        self.script(
            "a.py", "import os\nprint('X: y\\n')\nprint(len(os.listdir('/proc/self/fd')) - 1)", sys.executable
        )
        try:
            self.assertTrue(self.ask("/a.py").endswith(b"\r\n\r\n3\n"))
        finally:
            os.close(reader)
            os.close(writer)

    def test_leaves_no_descriptors(self) -> None:
        """Nothing stays open, whether all went well or not."""
        self.script("good.sh", r"printf 'X: y\n\n'; cat")
        self.script("bad.sh", "echo")
        self.script("none.sh", "", "/nonexistent")
        self.ask("/good.sh", b"x")
        before = len(open_descriptors())
        for path in ("/good.sh", "/bad.sh", "/none.sh", "/nope") * 3:
            self.ask(path, b"x" * 1000)
        self.assertEqual(len(open_descriptors()), before)


class FaultTests(CgiCase):
    def fails(self, text: str, said: str, status: int = 502, reason: bytes = b"Bad Gateway") -> None:
        path = self.script("a.sh", text)
        self.assertEqual(self.ask("/a.sh"), error(status, reason))
        self.assertEqual(self.said, [f"{said} [{path}]"])

    def test_no_output(self) -> None:
        """A script that writes nothing is 502, and its exit code in the log."""
        self.fails("exit 3", "invalid CGI output !!! nothing at all, exited with code 3")

    def test_no_head(self) -> None:
        """A script that that ends within its head is 502."""
        self.fails("echo 'X: y'", "invalid CGI output !!! no end of its headers")

    def test_junk(self) -> None:
        """Lines that are no head are 502, at once."""
        self.fails(
            "echo 'hello world'; exec sleep 600",
            "invalid CGI output !!! a line that is no header: b'hello world'",
        )

    def test_endless_head(self) -> None:
        """A head without end is ended at cgi-buffer-size bytes."""
        self.fails(
            "while :; do echo 'X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'; done",
            "invalid CGI output !!! more than 65536 bytes of headers, option cgi-buffer-size",
        )

    def test_dies_by_a_signal(self) -> None:
        """A script that dies is reported with its signal."""
        self.fails("kill -SEGV $$", "invalid CGI output !!! nothing at all, died by signal 11, SIGSEGV")

    def test_dies_after_its_answer(self) -> None:
        """Also where the client noticed nothing."""
        path = self.script("a.sh", r"printf 'X: y\n\nhello'; kill -KILL $$")
        self.assertTrue(self.ask("/a.sh").endswith(b"hello"))
        self.assertEqual(self.said, [f"a CGI script ended, died by signal 9, SIGKILL [{path}]"])

    def test_can_not_be_executed(self) -> None:
        """A script without a program is 500, with the reason in the log, and no shell guesses."""
        path = self.script("a.sh", "", "/nonexistent/program")
        self.assertEqual(self.ask("/a.sh"), error(500, b"Internal Server Error"))
        self.assertIn("can not be executed: No such file or directory", self.said.pop())
        Path(path).write_text("echo hello\n")
        self.assertEqual(self.ask("/a.sh"), error(500, b"Internal Server Error"))
        self.assertIn("Exec format error", self.said[0])
        self.assertIn("does it begin with #!", self.said[0])

    def test_refusals(self) -> None:
        """404 and 403 have uWSGI's words, and a folder without a slash its redirect."""
        (self.folder / "sub").mkdir()
        (self.folder / "plain").write_text("")
        self.assertEqual(self.ask("/nope"), error(404, b"Not Found"))
        self.assertEqual(self.ask("/plain"), error(403, b"Forbidden"))
        self.assertEqual(
            self.ask("/sub", QUERY_STRING="q=1"),
            b"HTTP/1.1 301 Moved Permanently\r\nConnection: close\r\nLocation: /sub/?q=1\r\n\r\n",
        )

    def test_empty_request(self) -> None:
        """A packet without variables is nobody's request."""
        client = self.client("/")
        client.request.vars.clear()
        client.request.var_count = 0
        self.handler(client.request)
        self.assertEqual((client.answer(), self.said), (b"", ["Empty CGI request. skip."]))

    def test_silent(self) -> None:
        """A script that does nothing for cgi-timeout is ended, also where it ignores SIGTERM: 504."""
        self.configure("cgi-timeout = 1")
        path = self.script("a.sh", "trap '' TERM\nwhile :; do sleep 0.1; done")
        self.assertEqual(self.ask("/a.sh"), error(504, b"Gateway Timeout"))
        self.assertEqual(self.said, [f"CGI timeout !!! nothing for 1 seconds, option cgi-timeout [{path}]"])

    def test_stops_in_the_middle(self) -> None:
        """An answer that stops is cut: the client can see that it is not whole."""
        self.configure("cgi-timeout = 1")
        self.script("a.sh", r"printf 'X: y\n\nhalf'; exec sleep 600")
        client = self.client("/a.sh")
        self.handler(client.request)
        self.assert_all_gone()
        self.assertTrue(client.request.reply.broken)
        self.assertTrue(client.answer().endswith(b"half"))

    def test_a_child_that_holds_the_output(self) -> None:
        """A background process that keeps the pipe open is ended with its group after cgi-timeout."""
        self.configure("cgi-timeout = 1")
        note = self.folder / "pid"
        self.script("a.sh", rf"printf 'X: y\n\nhello'; sleep 600 & echo $! > {note}")
        client = self.client("/a.sh")
        self.handler(client.request)
        self.assert_all_gone()
        self.assertTrue(client.answer().endswith(b"hello"))
        child = int(note.read_text())
        self.wait_until(lambda: not is_alive(child), "the end of the child")

    def test_a_child_that_lets_go_may_stay(self) -> None:
        """What a script leaves running without its pipes is its own business."""
        note = self.folder / "pid"
        self.script(
            "a.sh", rf"sleep 600 >/dev/null 2>&1 </dev/null & echo $! > {note}; printf 'X: y\n\nhello'"
        )
        self.assertTrue(self.ask("/a.sh").endswith(b"hello"))
        child = int(note.read_text())
        self.assertTrue(is_alive(child))
        os.kill(child, 9)

    def test_goes_on_after_its_answer(self) -> None:
        """A script that closed its output has cgi-timeout to end; its client waits for nothing."""
        self.configure("cgi-timeout = 1")
        path = self.script("a.sh", r"printf 'X: y\n\nhello'; exec >&-; exec sleep 600")
        self.assertTrue(self.ask("/a.sh").endswith(b"hello"))
        self.assertEqual(
            self.said,
            [f"CGI timeout !!! it goes on 1 seconds after its answer, option cgi-timeout [{path}]"],
        )

    def test_never_reads_its_input(self) -> None:
        """A script need not read its body, however large."""
        self.script("a.sh", r"printf 'X: y\n\nhello'")
        self.assertTrue(self.ask("/a.sh", b"x" * (1 << 20), here=1 << 20).endswith(b"hello"))

    def test_never_reads_and_never_writes(self) -> None:
        """With a body that nobody takes it is silent like any other."""
        self.configure("cgi-timeout = 1")
        self.script("a.sh", "exec sleep 600")
        self.assertEqual(self.ask("/a.sh", b"x" * (1 << 20)), error(504, b"Gateway Timeout"))

    def test_a_client_that_stops_sending(self) -> None:
        """A body that does not come is 408 after socket-timeout, and the script is ended."""
        self.configure("socket-timeout = 1")
        self.script("a.sh", "exec cat")
        client = self.client("/a.sh", b"abc", CONTENT_LENGTH="10")
        client.request.body.length = 10
        client.request.body._left = 7  # type: ignore[union-attr]
        self.handler(client.request)
        self.assert_all_gone()
        self.assertTrue(client.answer().startswith(b"HTTP/1.1 408 "))
        self.assertIn("3 of 10 bytes, then nothing for 1 seconds", self.said[0])

    def test_a_client_that_goes(self) -> None:
        """A script whose client is gone is ended, though it says nothing; so is all it started."""
        note = self.folder / "pid"
        self.script("a.sh", rf"sleep 600 & echo $! > {note}.new; mv {note}.new {note}; wait")
        client = self.client("/a.sh", reads=False)

        def leave() -> None:
            self.wait_until(note.exists, "the script")
            client.socket.close()

        leaver = threading.Thread(target=leave, daemon=True)
        leaver.start()
        began = time.monotonic()
        self.handler(client.request)
        leaver.join()
        self.assertLess(time.monotonic() - began, 30)
        self.assert_all_gone()
        child = int(note.read_text())
        self.wait_until(lambda: not is_alive(child), "the end of the child")

    def test_a_client_that_goes_while_much_is_kept(self) -> None:
        """What was kept for a client that is gone is given back, its file as well."""
        note = self.folder / "note"
        self.script("a.sh", rf"printf 'X: y\n\n'; head -c 2000000 /dev/zero; touch {note}; exec cat")
        before = len(open_descriptors())
        client = self.client("/a.sh", b"whole", here=5, reads=False)
        client.request.body = Body(client.connection, 10, b"whole")

        def leave() -> None:
            self.wait_until(note.exists, "all that is written")
            client.socket.close()

        leaver = threading.Thread(target=leave, daemon=True)
        leaver.start()
        self.handler(client.request)
        leaver.join()
        self.assert_all_gone()
        client.connection.close()
        self.assertEqual(len(open_descriptors()), before)

    def test_a_client_that_goes_while_it_is_answered(self) -> None:
        """A script without end is ended when its client has had enough."""
        self.script("a.sh", r"printf 'X: y\n\n'; exec yes")
        client = self.client("/a.sh", reads=False)

        def leave() -> None:
            client.socket.recv(1 << 16)
            client.socket.close()

        leaver = threading.Thread(target=leave, daemon=True)
        leaver.start()
        self.handler(client.request)
        leaver.join()
        self.assert_all_gone()
