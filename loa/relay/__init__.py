"""`loa relay`: the device that joins FM, IP and wired clusters into one station.

`settings` and `output_settings` RELAY.toml, `request` a command line instead · `inputs` what can be
relayed: `signed_inputs` of its door (`loa.device`), `file_input`, `line_inputs`, `fm_input` off the
air; `chooser` which of it · `paths` master, delay and what is sent: `rtp_path`, `fm_path`,
`line_path`, `exciter` what is special about FM, `plant` opens all of them · `own_ear` what left,
heard again · `loop` a block after the other, `status_line` what it says of a second, `table` how a
person sees it · `program` keeps the pace.
"""
