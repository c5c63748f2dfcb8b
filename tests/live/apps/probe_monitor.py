"""An imperial monitor that a test brings: vassals are the keys of a JSON file."""

import hashlib
import json

from uwsgid.emperor.monitors.monitor import Monitor
from uwsgid.emperor.sighting import Sighting
from uwsgid.families import imperial_monitors


@imperial_monitors.member("probe")
class Probe(Monitor):
    """Keys of a JSON file."""

    supplies = True

    def look(self):
        try:
            with open(self.text) as file:
                found = json.load(file)
        except (OSError, ValueError):
            return None
        return {
            name: Sighting(name, 1, hashlib.sha256(text.encode()).hexdigest(), 0, 0, text.encode())
            for name, text in found.items()
        }
