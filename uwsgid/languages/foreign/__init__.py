"""Languages that have an interpreter of their own, and the bridge that requests cross to reach it."""
