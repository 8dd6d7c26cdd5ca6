"""Everything that touches the world. Each package is a process or a door to one library."""
