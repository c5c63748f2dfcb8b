"""What the operator wants done on the way: commands at the phases of a start and of an end.

`phases` says when, `actions` what is done.  The phases themselves are where the life of an instance is: in
the boot, in whoever loads applications, and in the master at its end.
"""
