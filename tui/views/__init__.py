"""The eight views: each is pure functions from a scene to lines, and knows no terminal."""
