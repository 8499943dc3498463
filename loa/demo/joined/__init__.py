"""The third part of `loa demo`: one bulletin out of IP horns and an FM horn, through `loa relay`.

`stage` keys and settings in a folder · `performance` the programs at work, an emergency, a
forgery · `hearing` what the horns said, set side by side · `report` what came of it.
"""
