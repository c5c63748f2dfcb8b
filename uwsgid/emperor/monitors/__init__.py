"""Imperial monitors: those who know which vassals ought to exist."""
