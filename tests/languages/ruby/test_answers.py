"""What applications of Rack return, and what becomes of it."""

from __future__ import annotations

from tests.languages.ruby.harness import RubyCase
from uwsgid.languages.foreign.frames import frame

GOES_ON = 1
CLOSE = 4


class Whole(RubyCase):
    def test_an_array_of_one_text_is_one_frame(self) -> None:
        """Hello world is one frame each way."""
        child = self.serve("run ->(env) { [200, {'content-type' => 'text/plain'}, ['hello']] }")
        for _ in range(3):
            answer = child.ask()
            self.assertEqual(
                (answer.letters, answer.status, answer.headers, answer.body, answer.flags),
                ("w", "200", [("content-type", "text/plain")], b"hello", 0),
            )

    def test_an_array_of_many_texts_is_one_frame(self) -> None:
        """Texts of an array are joined, whatever their encodings."""
        child = self.serve(r"""run ->(env) { [200, {}, ["\u00e9", "\xff".b, "", "x"]] }""")
        answer = child.ask()
        self.assertEqual((answer.letters, answer.body), ("w", b"\xc3\xa9\xffx"))

    def test_a_large_body_arrives_whole(self) -> None:
        """Bodies larger than any buffer arrive as they are."""
        child = self.serve("run ->(env) { [200, {}, ['0123456789' * 500_000]] }")
        self.assertEqual(child.ask().body, b"0123456789" * 500_000)

    def test_a_large_array_is_not_joined(self) -> None:
        """An array that would take much memory once more leaves in pieces."""
        child = self.serve("run ->(env) { [200, {}, ['a' * 200_000, 'b' * 200_000]] }")
        answer = child.ask()
        self.assertEqual((answer.letters, answer.body), ("hbbez", b"a" * 200_000 + b"b" * 200_000))

    def test_a_body_without_bytes_is_one_frame(self) -> None:
        """Nothing to say is said in one frame."""
        child = self.serve("run ->(env) { [204, {}, []] }")
        answer = child.ask()
        self.assertEqual((answer.letters, answer.status, answer.body), ("w", "204", b""))

    def test_status_may_be_a_text(self) -> None:
        """A status is a number, or a text that is one."""
        child = self.serve("run ->(env) { ['404', {}, ['?']] }")
        self.assertEqual(child.ask().status, "404")


class Headers(RubyCase):
    def test_values_with_newlines_are_several_headers(self) -> None:
        """Rack 2 says several values of a header with newlines between them."""
        child = self.serve(r"""run ->(env) { [200, {'Set-Cookie' => "a=1\nb=2"}, []] }""")
        self.assertEqual(child.ask().headers, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])

    def test_arrays_of_values_are_several_headers(self) -> None:
        """Rack 3 says several values of a header with an array."""
        child = self.serve("run ->(env) { [200, {'set-cookie' => %w[a=1 b=2]}, []] }")
        self.assertEqual(child.ask().headers, [("set-cookie", "a=1"), ("set-cookie", "b=2")])

    def test_headers_of_rack_itself_are_not_sent(self) -> None:
        """What begins with rack. is for the server."""
        child = self.serve("run ->(env) { [200, {'rack.mark' => 'x', 'a' => 5}, []] }")
        self.assertEqual(child.ask().headers, [("a", "5")])

    def test_pairs_do_for_headers(self) -> None:
        """Headers are whatever responds to each with pairs."""
        child = self.serve("run ->(env) { [200, [['a', '1'], ['a', '2']], []] }")
        self.assertEqual(child.ask().headers, [("a", "1"), ("a", "2")])

    def test_headers_of_different_encodings_are_sent(self) -> None:
        """Bytes are bytes, in headers as well."""
        child = self.serve(r"""run ->(env) { [200, {'a' => "\u00e9", 'b' => "\xff".b}, []] }""")
        self.assertEqual(child.ask().headers, [("a", "\xc3\xa9"), ("b", "\xff")])

    def test_nul_in_a_header_is_a_failure(self) -> None:
        """A NUL could make one header of two, and is refused."""
        child = self.serve(r"""run ->(env) { [200, {'a' => "1\0b"}, []] }""")
        answer = child.ask()
        self.assertEqual(answer.letters, "x")
        self.assertIn("NUL", answer.failure)


class Bodies(RubyCase):
    def test_pieces_leave_as_they_come(self) -> None:
        """A body that responds to each is sent piece by piece."""
        child = self.serve(
            """
            run ->(env) { [200, {}, Enumerator.new { |y| y << 'a'; y << ''; y << 'b' }] }
            """
        )
        answer = child.ask()
        self.assertEqual((answer.letters, answer.body), ("hbbez", b"ab"))

    def test_a_piece_as_long_as_the_answer_is_the_answer(self) -> None:
        """One piece of the length that the headers say is a whole answer, closed afterwards."""
        child = self.serve(
            """
            class Body
              def each; yield 'hello'; end
              def close; $stderr.flush; $closed = true; end
            end
            run ->(env) { [200, {'Content-Length' => '5'}, Body.new] }
            """
        )
        answer = child.ask()
        self.assertEqual((answer.letters, answer.body, answer.flags), ("wz", b"hello", GOES_ON))

    def test_more_than_the_length_is_told(self) -> None:
        """A body that goes on behind its length is sent as it is; who counts is the worker."""
        child = self.serve("run ->(env) { [200, {'Content-Length' => '1'}, %w[a b c].each] }")
        answer = child.ask()
        self.assertEqual((answer.letters, answer.body), ("hbbbez", b"abc"))

    def test_bodies_are_closed(self) -> None:
        """close is called, for a failing body too."""
        child = self.serve(
            """
            class Body
              def initialize(fails); @fails = fails; end
              def each; yield 'a'; raise 'oops' if @fails; end
              def close; $closed = $closed.to_i + 1; end
            end
            run ->(env) do
              next [200, {}, [$closed.to_s]] if env['PATH_INFO'] == '/count'
              [200, {}, Body.new(env['PATH_INFO'] == '/fail')]
            end
            """
        )
        self.assertEqual(child.ask().letters, "hbez")
        self.assertEqual(child.ask(PATH_INFO="/count").body, b"1")
        failed = child.ask(PATH_INFO="/fail")
        self.assertEqual(failed.letters, "hbx")
        self.assertIn("oops", failed.failure)
        self.assertEqual(child.ask(PATH_INFO="/count").body, b"2")

    def test_to_ary_may_be_nil(self) -> None:
        """A body that is no array after all, as those of Rails, is asked for its pieces."""
        child = self.serve(
            """
            class Body
              def to_ary; nil; end
              def each; yield("piece"); end
            end
            run ->(env) { [200, {}, Body.new] }
            """
        )
        self.assertEqual(child.ask().body, b"piece")

    def test_a_failing_close_costs_no_answer(self) -> None:
        """What close raises is for the log where the answer has left."""
        child = self.serve(
            """
            class Body
              def each; yield 'a'; end
              def close; raise('too late'); end
            end
            run ->(env) { [200, {}, Body.new] }
            """
        )
        self.assertEqual(child.ask().letters, "hbez")
        self.assertEqual(child.ask().body, b"a")

    def test_what_is_no_text_is_passed_over(self) -> None:
        """Pieces that are no texts are skipped, as in uWSGI."""
        child = self.serve("run ->(env) { [200, {}, [1, 'a', nil]] }")
        self.assertEqual(child.ask().body, b"a")

    def test_to_path_is_a_file(self) -> None:
        """A body with a path is a file for the worker to send."""
        path = self.write("page.txt", "a page")
        child = self.serve(
            f"""
            class Body
              def to_path; {path!r}; end
              def each; raise('not this way'); end
              def close; nil; end
            end
            run ->(env) {{ [200, {{}}, Body.new] }}
            """
        )
        answer = child.ask()
        self.assertEqual((answer.letters, answer.body), ("hfez", b"a page"))
        self.assertEqual((answer.file or ())[1:], (0, -1))

    def test_a_path_to_nothing_is_no_file(self) -> None:
        """Where the path leads nowhere each is asked."""
        child = self.serve(
            """
            class Body
              def to_path; '/nowhere/at/all'; end
              def each; yield('from each'); end
            end
            run ->(env) { [200, {}, Body.new] }
            """
        )
        self.assertEqual(child.ask().body, b"from each")

    def test_a_callable_body_writes_to_a_stream(self) -> None:
        """Rack 3: a body that responds to call gets a stream to write to and to read from."""
        child = self.serve(
            """
            run ->(env) do
              body = proc do |stream|
                stream << 'got ' << stream.read
                stream.write('!', '!')
                stream.flush
                stream.close
              end
              [200, {}, body]
            end
            """
        )
        answer = child.ask(pieces=(b"one ", b"two"), REQUEST_METHOD="POST")
        self.assertEqual(answer.body, b"got one two!!")

    def test_a_stream_may_be_written_by_a_thread(self) -> None:
        """The answer is over when the stream is closed, wherever that is done."""
        child = self.serve(
            """
            run ->(env) do
              body = proc do |stream|
                Thread.new { 3.times { |n| stream.write(n.to_s); sleep 0.05 }; stream.close }
              end
              [200, {}, body]
            end
            """
        )
        self.assertEqual(child.ask().body, b"012")

    def test_a_stream_that_nobody_can_close_is_over(self) -> None:
        """An application that forgets to close its stream gets its answer sent all the same."""
        child = self.serve("run ->(env) { [200, {}, proc { |stream| stream.write('a') }] }")
        self.assertEqual(child.ask().body, b"a")

    def test_a_body_ends_when_its_client_is_gone(self) -> None:
        """An endless body is left as soon as nobody reads it, and closed."""
        child = self.serve(
            """
            class Endless
              def each; loop { yield 'tick' ; sleep 0.01 }; end
              def close; $closed = true; end
            end
            run ->(env) { [200, {}, env['PATH_INFO'] == '/closed' ? [$closed.inspect] : Endless.new] }
            """
        )
        turn = child.send({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
        self.assertEqual(child.hear()[0], "h")
        child.line.sendall(frame(b"g", bytes((turn,))))
        answer = child.answer(turn)
        self.assertEqual(answer.letters.strip("b"), "ez")
        self.assertEqual(child.ask(PATH_INFO="/closed").body, b"true")


class Failures(RubyCase):
    def test_an_exception_is_told_with_its_backtrace(self) -> None:
        """What the application failed with goes to the log, and the child goes on."""
        child = self.serve("run ->(env) { raise ArgumentError, 'no such thing' }")
        for _ in range(2):
            answer = child.ask()
            self.assertEqual((answer.letters, answer.flags), ("x", 0))
            self.assertIn("config.ru:1", answer.failure)
            self.assertIn("no such thing (ArgumentError)", answer.failure)

    def test_an_answer_of_the_wrong_size_is_a_failure(self) -> None:
        """A response has three parts."""
        child = self.serve("run ->(env) { [200, {}] }")
        self.assertIn("invalid RACK response", child.ask().failure)

    def test_what_is_no_answer_is_a_failure(self) -> None:
        """A response is an array."""
        child = self.serve("run ->(env) { 'hello' }")
        self.assertIn("invalid RACK response: String", child.ask().failure)

    def test_what_is_no_body_is_a_failure(self) -> None:
        """A body responds to one of three names."""
        child = self.serve("run ->(env) { [200, {}, 5] }")
        self.assertIn("each, call or to_path", child.ask().failure)

    def test_a_deep_recursion_is_a_failure(self) -> None:
        """An application that runs out of its stack costs one request."""
        child = self.serve("run ->(env) { def deep(n); deep(n + 1) + 1; end; deep(0) }")
        self.assertIn("SystemStackError", child.ask().failure)
        self.assertIn("SystemStackError", child.ask().failure)


class Afterwards(RubyCase):
    def test_response_finished_is_told(self) -> None:
        """rack.response_finished: who asked for it is told of the end, the last first."""
        child = self.serve(
            """
            run ->(env) do
              next [200, {}, [$told.join(' ')]] if env['PATH_INFO'] == '/told'
              ($told = []).clear
              finished = env['rack.response_finished']
              finished << ->(e, s, h, error) { $told << "one #{s} #{h['a']} #{error.inspect}" }
              finished << ->(e, s, h, error) { $told << "two #{e.equal?(env)}" }
              [200, {'a' => '1'}, ['x']]
            end
            """
        )
        answer = child.ask()
        self.assertEqual((answer.letters, answer.flags), ("wz", GOES_ON))
        self.assertEqual(child.ask(PATH_INFO="/told").body, b"two true one 200 1 nil")

    def test_response_finished_hears_of_failures(self) -> None:
        """What the application failed with is told, too."""
        child = self.serve(
            """
            run ->(env) do
              next [200, {}, [$told]] if env['PATH_INFO'] == '/told'
              env['rack.response_finished'] << ->(e, s, h, error) { $told = error.message }
              raise 'this'
            end
            """
        )
        child.ask()
        self.assertEqual(child.ask(PATH_INFO="/told").body, b"this")

    def test_after_reply_is_called(self) -> None:
        """rack.after_reply: what was put there is called after the answer."""
        child = self.serve(
            """
            run ->(env) do
              env['rack.after_reply'] << -> { $after = $after.to_i + 1 }
              env['rack.after_reply'] << -> { raise 'nobody minds' }
              [200, {}, [$after.to_i.to_s]]
            end
            """
        )
        self.assertEqual(child.ask().body, b"0")
        self.assertEqual(child.ask().body, b"1")
