"""From files to applications."""

from __future__ import annotations

from tests.languages.ruby.harness import RubyCase
from uwsgid.languages.foreign.mother import NoInterpreter

#: Ruby looks for Rack where this is, and in vain.
HIDE_RACK = """
module Kernel
  alias_method :real, :require
  def require(name)
    return real(name) unless name == 'rack'

    raise(LoadError.new('no rack').tap { |error| error.define_singleton_method(:path) { 'rack' } })
  end
end
"""

WORDS = """
class Mark
  def initialize(app, mark, twice: false)
    @app, @mark = app, twice ? mark * 2 : mark
  end
  def call(env)
    status, headers, body = @app.call(env)
    [status, headers, [@mark, *body]]
  end
end
use Mark, 'a'
use Mark, 'b', twice: true
warmup { |app| $warm = app.class.name }
map '/shop' do
  use Mark, 'shop'
  run ->(env) { [200, {}, [env['SCRIPT_NAME'], ' ', env['PATH_INFO'], ' ', $warm]] }
end
map '/' do
  run ->(env) { [200, {}, ["root #{env['PATH_INFO']}"]] }
end
__END__
this is not ruby (
"""


class Loading(RubyCase):
    def test_words_of_a_config_ru(self) -> None:
        """use, map, run and warmup are those of Rack's builder."""
        child = self.serve(WORDS)
        self.assertEqual(child.ask(PATH_INFO="/shop/x").body, b"abbshop/shop /x Mark")
        self.assertEqual(child.ask(PATH_INFO="/shopping").body, b"abbroot /shopping")

    def test_words_of_a_config_ru_without_rack(self) -> None:
        """Where Rack is not installed, our own builder knows the same words."""
        shared = self.write("hide.rb", HIDE_RACK)
        child = self.serve(WORDS, shared=shared)
        self.assertEqual(child.ask(PATH_INFO="/shop/x").body, b"abbshop/shop /x Mark")
        self.assertEqual(child.ask(PATH_INFO="/shopping").body, b"abbroot /shopping")

    def test_what_does_not_load_is_told(self) -> None:
        """A mistake in one application is told with its place, and the other applications serve."""
        good = self.write("good.ru", "run ->(env) { [200, {}, ['good']] }")
        bad = self.write("bad.ru", "\nrun ->(env { }")
        empty = self.write("empty.ru", "# nothing")
        missing = self.write("missing.ru", "require 'no/such/thing'")
        mother = self.mother(bad, good, empty, missing)
        self.assertEqual([one.ok for one in mother.loaded], [False, True, False, False])
        self.assertIn("bad.ru:2", mother.loaded[0].text)
        self.assertIn("(SyntaxError)", mother.loaded[0].text)
        self.assertIn("no/such/thing (LoadError)", mother.loaded[3].text)
        self.assertEqual(self.child(mother).ask(app=1).body, b"good")

    def test_what_ends_ruby_is_told(self) -> None:
        """An application that calls exit while it is loaded is one that does not load."""
        mother = self.mother(self.write("config.ru", "exit 5"))
        self.assertFalse(mother.loaded[0].ok)
        self.assertIn("SystemExit", mother.loaded[0].text)

    def test_a_missing_file_is_told(self) -> None:
        """A path that leads nowhere is named."""
        mother = self.mother(str(self.folder / "nowhere.ru"))
        self.assertFalse(mother.loaded[0].ok)
        self.assertIn("nowhere.ru (Errno::ENOENT)", mother.loaded[0].text)

    def test_the_line_that_says_an_application_is_loaded(self) -> None:
        """The line has the words of uWSGI."""
        app = self.write("config.ru", "run ->(env) { [200, {}, []] }")
        for gc, said in ((None, "AS RUBY LIKES"), ("0", "AGGRESSIVE"), ("25", "25")):
            mother = self.mother(app, **({} if gc is None else {"gc": gc}))
            self.assertRegex(
                mother.loaded[0].text,
                rf"^RACK app 0 loaded in \d+ seconds at 0x[0-9a-f]+ \(GC frequency: {said}\)$",
            )

    def test_garbage_is_collected_as_often_as_asked(self) -> None:
        """rb-gc-freq collects after every so many requests."""
        text = "run ->(env) { [200, {}, [GC.stat(:major_gc_count).to_s]] }"
        child = self.serve(text, gc="2")
        counts = [int(child.ask().body) for _ in range(5)]
        self.assertEqual([count - counts[0] for count in counts], [0, 0, 1, 1, 2])

    def test_shared_files_are_required_once(self) -> None:
        """shared-require works before the applications are loaded, rb-require in each child."""
        shared = self.write("shared.rb", "$shared = [Process.pid]")
        own = self.write("own.rb", "$own = Process.pid")
        app = self.write(
            "config.ru",
            "run ->(env) { [200, {}, [[$shared[0] == Process.ppid, $own == Process.pid].inspect]] }",
        )
        mother = self.mother(app, shared=shared, require=own)
        for _ in range(2):
            self.assertEqual(self.child(mother).ask().body, b"[true, true]")

    def test_a_shared_file_that_fails_is_the_end(self) -> None:
        """Without what everybody needs there is no Ruby."""
        with self.assertRaisesRegex(NoInterpreter, "boom"):
            self.mother(shared=self.write("shared.rb", "raise 'boom'"))

    def test_lib(self) -> None:
        """rb-lib is where files are looked for."""
        self.write("lib/greeting.rb", "GREETING = 'from lib'")
        child = self.serve(
            "require 'greeting'; run ->(env) { [200, {}, [GREETING]] }", lib=str(self.folder / "lib")
        )
        self.assertEqual(child.ask().body, b"from lib")

    def test_rails(self) -> None:
        """A directory of Rails is entered, and its application found, by config.ru or without."""
        text = "module Rails\n  def self.application; ->(env) { [200, {}, [Dir.pwd]] }; end\nend\n"
        self.write("shop/config/environment.rb", text)
        child = self.child(self.mother(str(self.folder / "shop")))
        self.assertEqual(child.ask().body, str(self.folder / "shop").encode())
        self.write("shop/config.ru", "run ->(env) { [200, {}, ['by config.ru']] }")
        child = self.child(self.mother(str(self.folder / "shop")))
        self.assertEqual(child.ask().body, b"by config.ru")

    def test_a_directory_without_an_application_is_told(self) -> None:
        """What is no application has no entry point."""
        self.write("shop/config/environment.rb", "")
        mother = self.mother(str(self.folder / "shop"))
        self.assertEqual(mother.loaded[0].text, "unable to find RACK entry point")
