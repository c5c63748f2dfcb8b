"""How processes are born, watched, counted and let go."""
