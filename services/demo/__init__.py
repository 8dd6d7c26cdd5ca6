"""`coord demo`: everything at once, on real work, told line by line as the log tells it."""
