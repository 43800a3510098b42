"""Everything that talks to the outside: one folder a port."""
