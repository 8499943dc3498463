"""`loa demo`: the main job on the bulletin that ships with Loa, on the air and on the network."""
