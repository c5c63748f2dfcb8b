"""The master of a vassal that hardly needs one: it waits, in next to no memory, and knows no Twisted.

An instance with one worker, and with nothing in its configuration that somebody has to see to, is two
processes under an emperor: its *steward*, whom the emperor knows, and the one worker, who reads the
configuration, boots, loads the applications and serves.  `uwsgid.door.plain` tells which instances these
are.  The steward keeps the sockets, so that clients wait in their queue whatever becomes of the worker, has
another worker born beside the first for a reload, and becomes an ordinary master when a configuration comes
that wants one.
"""
