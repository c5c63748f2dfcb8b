"""Fuzzing of what reads bytes of strangers, with atheris: ``make fuzz``, which no other target runs.

`tests.fuzz.targets` says what has to hold for any bytes, `tests.fuzz.__main__` lets atheris look for bytes
for which it does not.  The targets also run in the test suite, over their seeds and a few random bytes.
"""
