"""What the configuration says about applications in Ruby: options only, Ruby is started where one is named.

How many requests a worker serves at a time is in `uwsgid.supervise.processes`, mountpoints are in
`uwsgid.request.mount_options`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from uwsgid.config.kinds import Integer, Text, Texts
from uwsgid.config.section import Section, option, section

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

#: What Ruby runs: it loads the applications and forks a child for each core.
SCRIPT: Final = os.path.join(os.path.dirname(__file__), "rack.rb")
#: The files that ``mount`` and the command line give to Ruby.
ENDINGS: Final = (".ru", ".rb")
#: What an unset ``rb-gc-freq`` is.
AS_RUBY_LIKES: Final = -1


@section("Ruby")
class RubyApps(Section):
    """Applications of Rack, which answer requests with modifier1 7."""

    rack: Text = option(
        "rack",
        default="",
        help="load a Rack application from a config.ru",
        note="a body can always be rewound, without post-buffering",
    )
    rails: Text = option("rails", default="", help="load the Rails application of this directory")
    requires: Texts = option(
        "rb-require",
        "ruby-require",
        "rbrequire",
        "rubyrequire",
        "require",
        default=(),
        help="require this file in each process that answers by Ruby",
    )
    shared_requires: Texts = option(
        "shared-rb-require",
        "shared-ruby-require",
        "shared-rbrequire",
        "shared-rubyrequire",
        "shared-require",
        default=(),
        help="require this file once, before the applications are loaded",
    )
    gc_freq: Integer = option(
        "rb-gc-freq",
        "ruby-gc-freq",
        default=AS_RUBY_LIKES,
        help="collect garbage after so many requests of a process; 0 is after each",
        note="unset, Ruby decides; uWSGI collects after each request then",
    )
    libs: Texts = option("rb-lib", "ruby-lib", default=(), help="search this directory for files in Ruby")

    def check(self, settings: Settings) -> Iterable[str]:
        if self.rack and self.rails:
            yield settings.problem(type(self), "rails", "rack and rails are two applications for one place")
