"""Tests of `uwsgid.request.mounts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.request.mount_options import Mounting
from uwsgid.request.mounts import App, Apps, Lookup, cut_script_name


def apps_at(*mountpoints: str, lookup: Lookup = Lookup()) -> Apps:  # noqa: B008 - frozen
    """Applications whose callable is their own mountpoint."""
    apps = Apps(lookup)
    for mountpoint in mountpoints:
        apps.add(mountpoint, mountpoint)
    return apps


def answer(apps: Apps, magic: bool = False, **vars: str) -> str | None:
    """The mountpoint of the application that answers."""
    app = apps.find(vars, magic=magic)
    return None if app is None else app.mountpoint


class OptionTests(SynchronousTestCase):
    def test_mounts_keep_their_order_whatever_name_they_were_given(self) -> None:
        """mount and worker-mount are one list, and only the first equals sign separates."""
        chosen = settings_of("mount = /a=one.py\nworker-mount = /b=x:f\nmount = /c=d=e.py")[Mounting]
        self.assertEqual(chosen.mounts, (("/a", "one.py"), ("/b", "x:f"), ("/c", "d=e.py")))

    def test_a_mount_needs_an_equals_sign(self) -> None:
        """The problem shows what was written and what was expected."""
        error = self.assertRaises(ConfigError, settings_of, "mount = /a")
        self.assertEqual(str(error), "lines:1: mount: invalid mountpoint: /a; expected /point=app")

    def test_vhost_host_turns_vhost_on(self) -> None:
        """As the option flag of uWSGI does."""
        self.assertEqual(Lookup.from_settings(settings_of("vhost-host")), Lookup(vhost=True, vhost_host=True))

    def test_all_options_of_a_lookup_come_from_their_section(self) -> None:
        """Nothing is lost between the file and the lookup."""
        text = "manage-script-name\nignore-script-name\nno-default-app\nvirtualhosting\nmax-apps = 3"
        self.assertEqual(Lookup.from_settings(settings_of(text)), Lookup(True, True, True, True, False, 3))


class AddTests(SynchronousTestCase):
    def test_ids_count_from_zero_in_the_order_of_loading(self) -> None:
        """And the table can be read like a sequence."""
        apps = apps_at("/a", "", "/b")
        self.assertEqual([(app.id, app.mountpoint) for app in apps], [(0, "/a"), (1, ""), (2, "/b")])
        self.assertEqual(apps[2].mountpoint, "/b")
        self.assertEqual(len(apps), 3)
        self.assertIn("/a", apps)

    def test_a_mountpoint_is_taken_once(self) -> None:
        """The second application is refused in uWSGI's words and changes nothing."""
        apps = apps_at("/a")
        error = self.assertRaises(ValueError, apps.add, "/a", "other")
        self.assertEqual(str(error), "mountpoint /a already configured. skip.")
        self.assertEqual([app.callable for app in apps], ["/a"])

    def test_max_apps_is_the_limit(self) -> None:
        """One more than that is refused in uWSGI's words."""
        apps = apps_at("/a", "/b", lookup=Lookup(max_apps=2))
        self.assertTrue(apps.is_full)
        error = self.assertRaises(ValueError, apps.add, "/c", "c")
        self.assertEqual(str(error), "ERROR: you cannot load more than 2 apps in a worker")

    def test_an_application_says_who_it_is(self) -> None:
        """Its repr shows number, origin and mountpoint."""
        self.assertEqual(repr(App(3, "/shop", len, name="shop:app")), "<App 3 shop:app at '/shop'>")


class FindTests(SynchronousTestCase):
    def test_script_name_chooses(self) -> None:
        """It is compared as a whole."""
        apps = apps_at("", "/a", "/a/b")
        self.assertEqual(answer(apps, SCRIPT_NAME="/a/b"), "/a/b")
        self.assertEqual(answer(apps, SCRIPT_NAME="/a"), "/a")
        self.assertEqual(answer(apps, SCRIPT_NAME="/a/"), "")

    def test_the_default_application_answers_the_rest(self) -> None:
        """Also where there is no SCRIPT_NAME at all."""
        apps = apps_at("/", "/a")
        self.assertEqual(answer(apps, SCRIPT_NAME="/x"), "/")
        self.assertEqual(answer(apps), "/")

    def test_any_mountpoint_with_a_slash_becomes_the_default_as_in_1_9_16(self) -> None:
        """With /a alone, /b is answered by the application of /a."""
        self.assertEqual(answer(apps_at("/a"), SCRIPT_NAME="/b"), "/a")
        self.assertEqual(answer(apps_at("host|/x", "/b", "/a"), SCRIPT_NAME="/c"), "/b")

    def test_a_mountpoint_without_a_slash_is_no_default(self) -> None:
        """Nobody answers then."""
        self.assertIsNone(answer(apps_at("a.example|/"), SCRIPT_NAME="/"))

    def test_no_default_app(self) -> None:
        """What no mountpoint matches is answered by nobody."""
        apps = apps_at("", "/a", lookup=Lookup(no_default_app=True))
        self.assertIsNone(answer(apps, SCRIPT_NAME="/b"))
        self.assertEqual(answer(apps, SCRIPT_NAME="/a"), "/a")
        self.assertEqual(answer(apps), "")

    def test_ignore_script_name(self) -> None:
        """The default application answers whatever SCRIPT_NAME says."""
        self.assertEqual(
            answer(apps_at("", "/a", lookup=Lookup(ignore_script_name=True)), SCRIPT_NAME="/a"), ""
        )

    def test_the_appid_of_the_wire_needs_permission(self) -> None:
        """A client can not choose the application unless its socket may."""
        apps = apps_at("", "/a")
        self.assertEqual(answer(apps, UWSGI_APPID="/a"), "")
        self.assertEqual(answer(apps, magic=True, UWSGI_APPID="/a"), "/a")
        self.assertEqual(answer(apps, magic=True, UWSGI_APPID="/b", SCRIPT_NAME="/a"), "")

    def test_an_application_can_be_loaded_on_demand(self) -> None:
        """Where no mountpoint matches, for those who may choose, at the mountpoint that they asked for."""
        apps = apps_at("", "/a")
        wanted: list[str] = []

        def load(mountpoint: str, vars: Mapping[str, object]) -> App | None:
            wanted.append(mountpoint)
            return apps.add(mountpoint, "loaded") if mountpoint == "/b" else None

        apps.on_demand = load
        self.assertEqual(answer(apps, SCRIPT_NAME="/b"), "")
        self.assertEqual(answer(apps, magic=True, SCRIPT_NAME="/a"), "/a")
        self.assertEqual(answer(apps, magic=True, SCRIPT_NAME="/b"), "/b")
        self.assertEqual(answer(apps, magic=True, SCRIPT_NAME="/b"), "/b")
        self.assertEqual(answer(apps, magic=True, UWSGI_APPID="x", SCRIPT_NAME="/a"), "")
        self.assertEqual(wanted, ["/b", "x"])

    def test_what_was_managed_needs_no_loading(self) -> None:
        """The application of the path answers, unless the client names another."""
        apps = apps_at("", "/a", lookup=Lookup(manage_script_name=True))
        self.assertEqual(answer(apps, magic=True, PATH_INFO="/a/b"), "/a")
        self.assertEqual(answer(apps, magic=True, PATH_INFO="/a/b", UWSGI_APPID=""), "/a")
        self.assertEqual(answer(apps, magic=True, PATH_INFO="/x", UWSGI_APPID="/a"), "/a")

    def test_a_path_can_be_looked_at_before(self) -> None:
        """What `find` will leave of PATH_INFO is known without changing anything."""
        apps = apps_at("", "/a", lookup=Lookup(manage_script_name=True))
        vars = {"PATH_INFO": "/a/a/b", "SCRIPT_NAME": ""}
        self.assertEqual(apps.path_below(vars), "/a/b")
        self.assertEqual(vars, {"PATH_INFO": "/a/a/b", "SCRIPT_NAME": ""})
        self.assertEqual(apps.path_below({"PATH_INFO": "/b"}), "/b")
        self.assertEqual(apps.path_below({}), "")
        hosts = apps_at("h|/a", lookup=Lookup(manage_script_name=True, vhost=True))
        self.assertEqual(hosts.path_below({"PATH_INFO": "/a/b", "SERVER_NAME": "h"}), "/b")

    def test_nobody_answers_where_nothing_is_loaded(self) -> None:
        """An empty table is no error."""
        self.assertIsNone(Apps().find({}))


class FailedTests(SynchronousTestCase):
    """What becomes of requests for a mountpoint whose application did not load."""

    def test_the_default_application_does_not_answer_for_it(self) -> None:
        """Nobody does; all other requests are answered as ever."""
        apps = apps_at("")
        apps.fail("/x/")
        self.assertIsNone(apps.only)
        self.assertIsNone(answer(apps, SCRIPT_NAME="/x"))
        self.assertIsNone(answer(apps, SCRIPT_NAME="/x/"))
        self.assertEqual((answer(apps), answer(apps, SCRIPT_NAME="/y")), ("", ""))

    def test_a_path_below_it_is_managed(self) -> None:
        """Also where a shorter mountpoint would match."""
        apps = apps_at("", "/a", lookup=Lookup(manage_script_name=True))
        apps.fail("/a/b")
        self.assertIsNone(answer(apps, PATH_INFO="/a/b/c"))
        self.assertIsNone(answer(apps, True, PATH_INFO="/a/b/c"))
        self.assertEqual(answer(apps, PATH_INFO="/a/bc"), "/a")
        self.assertEqual(answer(apps, PATH_INFO="/c"), "")

    def test_a_failed_root_has_no_other_default(self) -> None:
        """Whether the other application was loaded before or afterwards."""
        for order in ((True, False), (False, True)):
            apps = Apps()
            for fails in order:
                if fails:
                    apps.fail("/")
                else:
                    apps.add("/a", "/a")
            self.assertIsNone(answer(apps))
            self.assertIsNone(answer(apps, SCRIPT_NAME="/b"))
            self.assertEqual(answer(apps, SCRIPT_NAME="/a"), "/a")

    def test_it_answers_once_it_is_loaded(self) -> None:
        """A later attempt forgets the failure."""
        apps = apps_at("")
        apps.fail("/x")
        apps.add("/x", "/x")
        self.assertEqual(answer(apps, SCRIPT_NAME="/x"), "/x")

    def test_a_name_that_is_ignored_can_not_fail(self) -> None:
        """Everything is for the default application then."""
        apps = apps_at("", lookup=Lookup(ignore_script_name=True))
        apps.fail("/x")
        self.assertIsNotNone(apps.only)
        self.assertEqual(answer(apps, SCRIPT_NAME="/x"), "")

    def test_another_host_is_not_concerned(self) -> None:
        """The host is part of the mountpoint."""
        apps = apps_at("/", lookup=Lookup(vhost=True))
        apps.fail("a.example|/x")
        self.assertIsNone(answer(apps, SERVER_NAME="a.example", SCRIPT_NAME="/x"))
        self.assertEqual(answer(apps, SERVER_NAME="b.example", SCRIPT_NAME="/x"), "/")


class VirtualHostTests(SynchronousTestCase):
    def test_the_host_is_part_of_the_mountpoint(self) -> None:
        """SERVER_NAME and SCRIPT_NAME together are compared."""
        apps = apps_at("a.example|", "b.example|", "b.example|/x", lookup=Lookup(vhost=True))
        self.assertEqual(answer(apps, SERVER_NAME="b.example"), "b.example|")
        self.assertEqual(answer(apps, SERVER_NAME="b.example", SCRIPT_NAME="/x"), "b.example|/x")
        self.assertIsNone(answer(apps, SERVER_NAME="c.example"))

    def test_vhost_host_looks_at_the_header(self) -> None:
        """It takes the place of SERVER_NAME."""
        apps = apps_at("a.example|", "b.example|", lookup=Lookup(vhost=True, vhost_host=True))
        self.assertEqual(answer(apps, SERVER_NAME="b.example", HTTP_HOST="a.example"), "a.example|")

    def test_managed_script_names_stay_within_their_host(self) -> None:
        """The host is compared, and does not appear in SCRIPT_NAME."""
        apps = apps_at("a.example|/x", "b.example|/x", lookup=Lookup(vhost=True, manage_script_name=True))
        vars = {"SERVER_NAME": "b.example", "PATH_INFO": "/x/y"}
        found = apps.find(vars)
        assert found is not None
        self.assertEqual(found.mountpoint, "b.example|/x")
        self.assertEqual((vars["SCRIPT_NAME"], vars["PATH_INFO"]), ("/x", "/y"))


class ManageScriptNameTests(SynchronousTestCase):
    def managed(self, path: str, *mountpoints: str, **vars: str) -> tuple[str | None, str | None, str]:
        vars["PATH_INFO"] = path
        found = apps_at(*mountpoints, lookup=Lookup(manage_script_name=True)).find(vars)
        return None if found is None else found.mountpoint, vars.get("SCRIPT_NAME"), vars["PATH_INFO"]

    def test_the_longest_mountpoint_wins(self) -> None:
        """Whatever the order of loading."""
        self.assertEqual(self.managed("/a/b/c", "/a", "/a/b", ""), ("/a/b", "/a/b", "/c"))
        self.assertEqual(self.managed("/a/c", "/a/b", "/a", ""), ("/a", "/a", "/c"))

    def test_a_mountpoint_ends_where_a_segment_ends(self) -> None:
        """/foo does not answer for /foobar."""
        self.assertEqual(self.managed("/foobar", "", "/foo"), ("", None, "/foobar"))
        self.assertEqual(self.managed("/foo", "", "/foo"), ("/foo", "/foo", ""))
        self.assertEqual(self.managed("/foo/", "", "/foo"), ("/foo", "/foo", "/"))

    def test_a_slash_at_the_end_of_the_mountpoint_is_ignored(self) -> None:
        """SCRIPT_NAME and PATH_INFO together remain what the client asked for."""
        self.assertEqual(self.managed("/foo/x", "", "/foo/"), ("/foo/", "/foo", "/x"))

    def test_what_matches_nothing_keeps_its_names(self) -> None:
        """And then SCRIPT_NAME decides as ever."""
        self.assertEqual(self.managed("/x", "", "/a", SCRIPT_NAME="/a"), ("/a", "/a", "/x"))

    def test_the_root_is_not_looked_at(self) -> None:
        """A path of one character has no mountpoint in it."""
        self.assertEqual(self.managed("/", "", "/a"), ("", None, "/"))

    def test_ignore_script_name_after_managing(self) -> None:
        """The names are moved and the default application answers."""
        apps = apps_at("", "/a", lookup=Lookup(manage_script_name=True, ignore_script_name=True))
        vars = {"PATH_INFO": "/a/b"}
        self.assertIs(apps.find(vars), apps[0])
        self.assertEqual(vars, {"SCRIPT_NAME": "/a", "PATH_INFO": "/b"})


class OnlyTests(SynchronousTestCase):
    def test_one_application_needs_no_lookup(self) -> None:
        """At the root or at any other point, since it is the default."""
        for mountpoint in ("", "/", "/a"):
            apps = apps_at(mountpoint)
            self.assertIs(apps.only, apps[0])

    def test_a_lookup_is_needed(self) -> None:
        """Wherever the request can make a difference."""
        for apps in (
            Apps(),
            apps_at("", "/a"),
            apps_at("host|"),
            apps_at("", lookup=Lookup(no_default_app=True)),
            apps_at("/a", lookup=Lookup(manage_script_name=True)),
        ):
            self.assertIsNone(apps.only)

    def test_managing_changes_nothing_for_an_application_at_the_root(self) -> None:
        """There is nothing to move."""
        for mountpoint in ("", "/"):
            self.assertIsNotNone(apps_at(mountpoint, lookup=Lookup(manage_script_name=True)).only)

    def test_many_applications_and_a_name_that_is_ignored(self) -> None:
        """Then the default one answers everything."""
        apps = apps_at("", "/a", lookup=Lookup(ignore_script_name=True))
        self.assertIs(apps.only, apps[0])


class CutTests(SynchronousTestCase):
    def test_the_script_name_is_cut_off(self) -> None:
        """Modifier 30 is for front ends that send the whole path."""
        vars = {"SCRIPT_NAME": "/a", "PATH_INFO": "/a/b"}
        cut_script_name(vars)
        self.assertEqual(vars["PATH_INFO"], "/b")

    def test_another_path_is_left_alone(self) -> None:
        """As is a request without SCRIPT_NAME."""
        for vars in ({"SCRIPT_NAME": "/a", "PATH_INFO": "/b"}, {"PATH_INFO": "/b"}):
            cut_script_name(vars)
            self.assertEqual(vars["PATH_INFO"], "/b")


SEGMENTS = st.sampled_from(["", "a", "b", "ab"])
POINTS = st.lists(SEGMENTS, max_size=3).map(lambda parts: "".join("/" + part for part in parts))
LOOKUPS = st.builds(
    Lookup,
    manage_script_name=st.booleans(),
    ignore_script_name=st.booleans(),
    no_default_app=st.booleans(),
)


def naive(points: list[str], lookup: Lookup, vars: dict[str, str]) -> tuple[str | None, str, str]:
    """The rules again, one after the other and without any table."""
    script, path = vars["SCRIPT_NAME"], vars["PATH_INFO"]
    chosen: str | None = None
    if lookup.manage_script_name and len(path) > 1:
        fits: Callable[[str], bool] = lambda cut: path == cut or path.startswith(cut + "/")  # noqa: E731
        cuts = [point.rstrip("/") for point in points if point.rstrip("/") and fits(point.rstrip("/"))]
        if cuts:
            cut = max(cuts, key=len)
            chosen = next(point for point in points if point.rstrip("/") == cut)
            script, path = cut, path[len(cut) :]
    if chosen is None and script in points:
        chosen = script
    if lookup.ignore_script_name:
        chosen = None
    if chosen is None and not lookup.no_default_app:
        chosen = next((point for point in points if point[:1] in ("", "/")), None)
    return chosen, script, path


class ModelTests(SynchronousTestCase):
    @examples(deadline=None, max_examples=150)
    @given(points=st.lists(POINTS, unique=True, max_size=5), lookup=LOOKUPS, script=POINTS, path=POINTS)
    def test_find_agrees_with_the_rules(
        self, points: list[str], lookup: Lookup, script: str, path: str
    ) -> None:
        """The table answers as the rules do, read one by one; `only` never answers differently."""
        apps = apps_at(*points, lookup=lookup)
        vars = {"SCRIPT_NAME": script, "PATH_INFO": path}
        expected = naive(points, lookup, vars)
        found = apps.find(vars)
        self.assertEqual((found and found.mountpoint, vars["SCRIPT_NAME"], vars["PATH_INFO"]), expected)
        if apps.only is not None:
            self.assertIs(found, apps.only)
            moved = lookup.manage_script_name and (vars["SCRIPT_NAME"], vars["PATH_INFO"]) != (script, path)
            self.assertFalse(moved)


class LanguageTests(SynchronousTestCase):
    """Several languages in one worker."""

    def test_tables_of_languages(self) -> None:
        """Each has mountpoints of its own, and numbers go on through all of them."""
        apps = apps_at("", "/a")
        perl = apps.of(5)
        self.assertIs(apps.of(5), perl)
        self.assertIsNone(perl.only)
        app = perl.add("", "perl", modifier1=5)
        self.assertEqual((app.id, len(apps), len(perl)), (2, 3, 3))
        self.assertEqual([one.id for one in apps], [0, 1, 2])
        self.assertIs(apps[2], app)
        self.assertIs(perl.only, app)
        self.assertEqual(answer(apps, SCRIPT_NAME="/a"), "/a")
        found = perl.find({"SCRIPT_NAME": "/a"})
        self.assertIs(found, app)
        self.assertEqual(apps.add("/b", "python").id, 3)
