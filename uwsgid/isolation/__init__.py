"""Setting an instance apart: namespaces, another root, another user, and in which order all of it happens.

`options` are the wishes, `step` is the privilege step, which carries them out.  The calls themselves are in
`uwsgid.host`; where in the life of an instance the step comes is told by the boot, and by those who take it
later (`late`).
"""
