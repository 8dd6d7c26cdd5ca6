"""coord: one immutable log for agents, training runs and machines, and everything read from it."""
