"""`loa relay`: the device that joins FM, IP and wired clusters into one station.

`settings` RELAY.toml, `request` a command line instead · `inputs` `fm_input` what is relayed,
`chooser` which of it · `paths` master, delay and what is sent, `exciter` what is special about FM,
`plant` opens all of them · `own_ear` what left, heard again · `program` the loop, `table` how a
person sees it.
"""
