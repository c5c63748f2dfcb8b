"""What the operator wants done on the way: commands at the phases of a start and of an end."""
