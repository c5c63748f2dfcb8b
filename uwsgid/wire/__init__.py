"""Bytes to events and back, one module per protocol.  No sockets, no Twisted, no clock."""
