"""Who is called when something happens that somebody should look at: uWSGI's alarms.

`options` says which alarms there are and what raises them, `watch` which records of the log do, `restraint`
how often; these only decide.  What an alarm does is a member of the family ``alarms``
(`uwsgid.alarms.plugins`).  `raising` is where the two meet, in the master; with `commands` and `descriptors`
it is all that knows a reactor, and is not imported here.
"""

from uwsgid.alarms.options import AlarmOptions, plugin_list

__all__ = ["AlarmOptions", "plugin_list"]
