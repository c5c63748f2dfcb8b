"""The variables and arguments of a script."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.languages.cgi.environ import arguments, environ
from uwsgid.languages.cgi.places import Script

SCRIPT = Script(b"/srv/cgi/a.sh", b"/cgi/a.sh", b"/x/y", b"/srv/cgi")


class EnvironTests(SynchronousTestCase):
    def test_variables_of_cgi(self) -> None:
        """A script gets what RFC 3875 and uWSGI say, and the variables of its request."""
        env = environ({"REQUEST_METHOD": "GET", "PATH_INFO": "/cgi/a.sh/x/y"}, SCRIPT, {})
        software = env.pop(b"SERVER_SOFTWARE")
        self.assertTrue(software.startswith(b"uwsgid/"), software)
        self.assertEqual(
            env,
            {
                b"REQUEST_METHOD": b"GET",
                b"GATEWAY_INTERFACE": b"CGI/1.1",
                b"REDIRECT_STATUS": b"200",
                b"DOCUMENT_ROOT": b"/srv/cgi",
                b"SCRIPT_FILENAME": b"/srv/cgi/a.sh",
                b"SCRIPT_NAME": b"/cgi/a.sh",
                b"PATH_INFO": b"/x/y",
                b"PATH_TRANSLATED": b"/srv/cgi/x/y",
            },
        )

    def test_no_path_info(self) -> None:
        """Without anything behind the name neither PATH_INFO nor PATH_TRANSLATED is there."""
        env = environ({"PATH_INFO": "/a.sh"}, Script(b"/srv/a.sh", b"/a.sh", b"", b"/srv"), {})
        self.assertNotIn(b"PATH_INFO", env)
        self.assertNotIn(b"PATH_TRANSLATED", env)

    def test_the_whole_path(self) -> None:
        """Under cgi-path-info PATH_INFO is as it came."""
        env = environ({"PATH_INFO": "/cgi/a.sh/x/y"}, SCRIPT, {}, whole_path=True)
        self.assertEqual(env[b"PATH_INFO"], b"/cgi/a.sh/x/y")

    def test_no_translated_way_up(self) -> None:
        """PATH_TRANSLATED never leads out of the root."""
        env = environ({}, Script(b"/srv/a.sh", b"/a.sh", b"/../../etc/passwd", b"/srv"), {})
        self.assertEqual(env[b"PATH_INFO"], b"/../../etc/passwd")
        self.assertNotIn(b"PATH_TRANSLATED", env)

    def test_document_root(self) -> None:
        """DOCUMENT_ROOT is what the front end says, else the directory of the mount, as in uWSGI."""
        env = environ({"DOCUMENT_ROOT": "/srv/www"}, SCRIPT, {})
        self.assertEqual(env[b"DOCUMENT_ROOT"], b"/srv/www")
        self.assertEqual(env[b"PATH_TRANSLATED"], b"/srv/www/x/y")

    def test_a_mounted_file(self) -> None:
        """A script that is mounted itself has the DOCUMENT_ROOT of the request, or its own directory."""
        script = Script(b"/srv/a.sh", b"", b"/x", b"")
        self.assertEqual(environ({"DOCUMENT_ROOT": "/d"}, script, {})[b"PATH_TRANSLATED"], b"/d/x")
        self.assertEqual(environ({}, script, {})[b"DOCUMENT_ROOT"], b"/srv")

    def test_the_environment_of_the_server(self) -> None:
        """It is passed on, without what belongs to the server: descriptors, sockets, watchdogs."""
        server = {
            b"LANG": b"C",
            b"LISTEN_FDS": b"3",
            b"NOTIFY_SOCKET": b"@x",
            b"UWSGID_X": b"1",
            b"WATCHDOG_PID": b"9",
        }
        env = environ({}, SCRIPT, server)
        self.assertEqual({name for name in env if name in server}, {b"LANG"})

    def test_what_a_request_never_sets(self) -> None:
        """Neither loaders nor interpreters take orders from a request, and httpoxy has no way in."""
        hostile = ("HTTP_PROXY", "LD_PRELOAD", "PATH", "BASH_ENV", "PERL5OPT", "PYTHONPATH", "BASH_FUNC_ls%%")
        env = environ(dict.fromkeys(hostile, "evil"), SCRIPT, {b"PATH": b"/bin"})
        self.assertEqual(env[b"PATH"], b"/bin")
        self.assertNotIn(b"evil", env.values())

    def test_only_texts_of_the_request(self) -> None:
        """What Python adds for its own applications is not for scripts."""
        env = environ(
            {"wsgi.url_scheme": "http", "uwsgi.node": "n", "wsgi.input": object(), "X": 1}, SCRIPT, {}
        )
        self.assertFalse({name for name in env if b"." in name or name == b"X"})

    def test_odd_names_and_values(self) -> None:
        """What no environment can hold is left out, and empty lengths and types of a body are none."""
        env = environ(
            {"A=B": "c", "": "d", "N": "x\0y", "CONTENT_LENGTH": "", "CONTENT_TYPE": ""}, SCRIPT, {}
        )
        self.assertEqual(env[b"N"], b"xy")
        for name in (b"A=B", b"", b"CONTENT_LENGTH", b"CONTENT_TYPE"):
            self.assertNotIn(name, env)

    def test_unset(self) -> None:
        """cgi-unset takes away whatever it names."""
        env = environ(
            {"HTTP_COOKIE": "c"}, SCRIPT, {b"SECRET": b"s"}, unset=("HTTP_COOKIE", "SECRET", "NONE")
        )
        self.assertFalse({b"HTTP_COOKIE", b"SECRET"} & env.keys())

    def test_arguments(self) -> None:
        """A query without an equals sign is a list of words, decoded, for GET and HEAD."""
        self.assertEqual(arguments("GET", "a+b%20c+%2B"), [b"a", b"b c", b"+"])
        self.assertEqual(arguments("HEAD", "a"), [b"a"])
        for method, query in (("GET", "a=b"), ("GET", ""), ("POST", "a")):
            self.assertEqual(arguments(method, query), [])

    def test_arguments_are_no_options(self) -> None:
        """A word that begins with a dash, or has a zero byte, lets all of them go."""
        for query in ("-s", "a+-d", "%2Ds", "a%00"):
            self.assertEqual(arguments("GET", query), [])
