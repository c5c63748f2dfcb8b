"""A plugin with a gateway that does nothing but say who it is: what the live tests of gateways look at."""

import os
import socket

from uwsgid.config.kinds import Text
from uwsgid.config.section import Section, option, section
from uwsgid.families import gateway_setups
from uwsgid.host.tun import identify, open_device
from uwsgid.supervise.gateways import Gateway


@section("Probe")
class Probe(Section):
    """A gateway for tests."""

    device: Text = option("probe-device", default="", help="the device it has")
    word: Text = option("probe-word", default="", help="what it says, also when it is told to hang up")
    other: Text = option("probe-other", default="", help="what only a new process image takes over")


@gateway_setups.member("probe")
def setup(settings, kernel, say, kept):
    """One gateway, where a device is named."""
    name = settings[Probe].device
    if not name:
        return ()
    fd = kept.get(f"tun {name}")
    if fd is None:
        fd = open_device(kernel, name, vnet=True).fd
        kept.keep(f"tun {name}", fd)

    def run(life):
        def tell(what):
            facts = identify(fd)
            number = socket.if_nametoindex(facts.name)
            word = life.settings[Probe].word
            life.say(
                f"probe {what}: pid {os.getpid()} uid {os.getuid()} {facts.name} is {number} word {word}"
            )

        def hang_up():
            try:
                life.adopt(life.read_settings())
            except Exception as error:
                life.say(f"probe stays as it was: {error}")
            else:
                tell("heard")

        life.on_hangup(hang_up)
        life.before_end(lambda: life.say("probe says goodbye"))
        life.reactor.callWhenRunning(tell, "runs")
        return life.run()

    return (Gateway("uWSGI probe 1", run, live=frozenset({"probe-word"})),)
