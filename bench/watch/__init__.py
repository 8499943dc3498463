"""How soon and surely a strange voice is found, and how often one that is not there."""
