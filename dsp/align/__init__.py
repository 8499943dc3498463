"""How much later one signal is than another, and whether they are the same programme."""
