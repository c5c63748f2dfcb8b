"""Applications in Python: finding them, loading them, and the ``uwsgi`` module that they import."""
