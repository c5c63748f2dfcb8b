"""The env of Rack."""

from __future__ import annotations

import ast

from tests.languages.ruby.harness import RubyCase

#: Answers with the env as lines that Python reads.
SHOW = r"""
run ->(env) do
  shown = env.reject { |name, _| %w[rack.input rack.errors rack.hijack].include?(name) }
  [200, {}, [shown.map { |name, value| [name, value].map { |one| one.inspect.dump }.join("\t") }.join("\n")]]
end
"""


class Environ(RubyCase):
    def env(self, text: str = SHOW, words: dict[str, str] | None = None, **vars: str) -> dict[str, str]:
        """The env of a request with just these variables, values as Ruby inspects them."""
        answer = self.serve(text, **(words or {})).ask(vars=vars, bare=True)
        pairs = [
            [ast.literal_eval(ast.literal_eval(one)) if index == 0 else ast.literal_eval(one)
             for index, one in enumerate(line.split("\t"))]
            for line in answer.body.decode().split("\n")
        ]  # fmt: skip
        return dict(pairs)

    def test_query_string_is_always_there(self) -> None:
        """Rack demands QUERY_STRING, be it empty; uWSGI 1.9.16 began to keep it."""
        self.assertEqual(self.env(REQUEST_METHOD="GET")["QUERY_STRING"], '""')
        self.assertEqual(self.env(QUERY_STRING="")["QUERY_STRING"], '""')
        self.assertEqual(self.env(QUERY_STRING="a=b")["QUERY_STRING"], '"a=b"')

    def test_script_name_is_always_there(self) -> None:
        """Rack demands SCRIPT_NAME, be it empty; uWSGI 1.9.16 began to keep it."""
        self.assertEqual(self.env(REQUEST_METHOD="GET")["SCRIPT_NAME"], '""')
        self.assertEqual(self.env(SCRIPT_NAME="")["SCRIPT_NAME"], '""')
        self.assertEqual(self.env(SCRIPT_NAME="/shop")["SCRIPT_NAME"], '"/shop"')

    def test_server_name_is_always_there(self) -> None:
        """Rack demands SERVER_NAME; where the front end sends none it is that of the host, since 1.9.16."""
        self.assertEqual(self.env(REQUEST_METHOD="GET")["SERVER_NAME"], '"node.example"')
        self.assertEqual(self.env(SERVER_NAME="shop.example")["SERVER_NAME"], '"shop.example"')

    def test_an_empty_server_name_stays_as_in_1_9_16(self) -> None:
        """What the front end sends replaces the name of the host, even if that is nothing."""
        self.assertEqual(self.env(SERVER_NAME="")["SERVER_NAME"], '""')

    def test_server_port_is_always_there(self) -> None:
        """Rack demands SERVER_PORT; where the front end sends none it is that of the socket, since 1.9.16."""
        self.assertEqual(self.env(words={"port": "8080"}, REQUEST_METHOD="GET")["SERVER_PORT"], '"8080"')
        self.assertEqual(self.env(SERVER_PORT="443")["SERVER_PORT"], '"443"')

    def test_path_info_stays_when_it_is_empty(self) -> None:
        """An empty PATH_INFO is kept; 1.9.16 meant to and compares a wrong length."""
        self.assertEqual(self.env(PATH_INFO="")["PATH_INFO"], '""')

    def test_other_empty_variables_are_dropped(self) -> None:
        """nginx sends CONTENT_TYPE and CONTENT_LENGTH always; Rack::Lint wants them to say something."""
        env = self.env(CONTENT_TYPE="", CONTENT_LENGTH="", HTTP_X="", PATH_INFO="/")
        self.assertTrue({"CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_X"}.isdisjoint(env))

    def test_headers_that_cgi_names_otherwise_are_dropped(self) -> None:
        """Rack forbids HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH."""
        env = self.env(HTTP_CONTENT_TYPE="a", HTTP_CONTENT_LENGTH="5", PATH_INFO="/")
        self.assertTrue({"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"}.isdisjoint(env))

    def test_keys_of_rack(self) -> None:
        """What the server says of itself."""
        env = self.env(PATH_INFO="/")
        self.assertEqual(
            {name: env[name] for name in sorted(env) if name.startswith(("rack.", "uwsgi."))},
            {
                "rack.after_reply": "[]",
                "rack.hijack?": env["rack.hijack?"],
                "rack.multiprocess": "true",
                "rack.multithread": "false",
                "rack.response_finished": "[]",
                "rack.run_once": "false",
                "rack.url_scheme": '"http"',
                "rack.version": "[1, 1]",
                "uwsgi.core": "0",
                "uwsgi.node": '"node.example"',
                "uwsgi.version": '"9"',
            },
        )

    def test_scheme(self) -> None:
        """HTTPS and UWSGI_SCHEME make the scheme, as in uWSGI."""
        self.assertEqual(self.env(HTTPS="on")["rack.url_scheme"], '"https"')
        self.assertEqual(self.env(HTTPS="1")["rack.url_scheme"], '"https"')
        self.assertEqual(self.env(HTTPS="off")["rack.url_scheme"], '"http"')
        self.assertEqual(self.env(UWSGI_SCHEME="https")["rack.url_scheme"], '"https"')

    def test_values_are_bytes(self) -> None:
        """Every value is ASCII-8BIT, and may be changed."""
        text = """
        run ->(env) do
          values = env.select { |name, _| name =~ /\\A[A-Z_]+\\z/ }.values
          [200, {}, [values.map(&:encoding).uniq.inspect]]
        end
        """
        answer = self.serve(text).ask(HTTP_X="caf\xc3\xa9")
        self.assertEqual(answer.body, b"[#<Encoding:ASCII-8BIT>]")

    def test_a_nul_in_a_variable_arrives(self) -> None:
        """A variable may have any bytes."""
        text = "run ->(env) { [200, {}, [env['HTTP_X']]] }"
        self.assertEqual(self.serve(text).ask(HTTP_X="a\0b").body, b"a\0b")

    def test_a_thousand_variables_arrive(self) -> None:
        """A request larger than one read is put together."""
        text = "run ->(env) { [200, {}, [env.keys.grep(/^HTTP_X/).size.to_s]] }"
        many = {f"HTTP_X{number}": "v" * 60 for number in range(1000)}
        self.assertEqual(self.serve(text).ask(vars=many).body, b"1000")


class Input(RubyCase):
    ECHO = """
    run ->(env) do
      input = env['rack.input']
      found = case env['PATH_INFO']
              when '/read' then [input.read, input.read, input.read(1).inspect]
              when '/some' then [3, 3, 100, 1].map { |size| input.read(size, +'').inspect }
              when '/twice' then [input.read, input.rewind.to_s, input.read]
              when '/gets' then [input.gets.inspect, input.gets.inspect, input.gets.inspect]
              when '/each' then input.each.to_a.map(&:inspect)
              when '/none' then ['x']
              when '/size' then [input.read.bytesize.to_s, input.rewind.to_s, input.read.sum.to_s]
              when '/rest' then [input.gets, input.read]
              end
      [200, {}, [found.join(',')]]
    end
    """

    def test_inline(self) -> None:
        """A body that came with its request is read, in whole and in parts, and rewound."""
        child = self.serve(self.ECHO)
        self.assertEqual(child.ask(b"abcdefgh", PATH_INFO="/read").body, b"abcdefgh,,nil")
        self.assertEqual(child.ask(b"abcdefgh", PATH_INFO="/some").body, b'"abc","def","gh",nil')
        self.assertEqual(child.ask(b"abcdefgh", PATH_INFO="/twice").body, b"abcdefgh,0,abcdefgh")
        self.assertEqual(child.ask(b"a\nb", PATH_INFO="/gets").body, b'"a\\n","b",nil')
        self.assertEqual(child.ask(b"", PATH_INFO="/read").body, b",,nil")

    def test_asked_for(self) -> None:
        """A body that comes later is asked for when it is read, and can be rewound."""
        child = self.serve(self.ECHO)
        pieces = (b"cd", b"ef\n", b"gh")
        self.assertEqual(child.ask(b"ab", pieces=pieces, PATH_INFO="/read").body, b"abcdef\ngh,,nil")
        self.assertEqual(child.ask(b"ab", pieces=pieces, PATH_INFO="/some").body, b'"abc","def","\\ngh",nil')
        self.assertEqual(child.ask(b"ab", pieces=pieces, PATH_INFO="/twice").body, b"abcdef\ngh,0,abcdef\ngh")
        self.assertEqual(child.ask(b"ab", pieces=pieces, PATH_INFO="/gets").body, b'"abcdef\\n","gh",nil')
        self.assertEqual(child.ask(b"ab", pieces=pieces, PATH_INFO="/each").body, b'"abcdef\\n","gh"')
        self.assertEqual(child.ask(b"a\n", pieces=pieces, PATH_INFO="/rest").body, b"a\n,cdef\ngh")

    def test_nothing_is_asked_for_in_vain(self) -> None:
        """A body that is not read stays with the worker."""
        child = self.serve(self.ECHO)
        self.assertEqual(child.ask(b"ab", pieces=(b"c",), PATH_INFO="/none").letters, "w")

    def test_a_long_body_goes_to_a_file(self) -> None:
        """A long body can be rewound without being kept in memory."""
        child = self.serve(self.ECHO)
        pieces = tuple(bytes([65 + number]) * 60_000 for number in range(10))
        expected = sum(b"".join(pieces)) & 0xFFFF
        answer = child.ask(b"", pieces=pieces, PATH_INFO="/size")
        self.assertEqual(answer.body, b"600000,0,%d" % expected)
        self.assertEqual(answer.letters, "r" * 11 + "w")
