"""The coordinator: answers commands, one decision at a time per aggregate, with the log as the referee."""
