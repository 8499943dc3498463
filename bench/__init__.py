"""How fast, how cheap, against whom. Ours and the peer run in the same run on the same input."""
