"""The emperor: a process that keeps one whole instance, a vassal, for each configuration that it finds."""
