"""The node: everything that runs beside one PBX.

`reception` answers FastAGI, `watch` follows AMI, `recovery` finds the way back after a gap; all three meet in the
`fleet`, which holds the pilots of the calls. `exchange` is what is done to Asterisk. `node` wires them.
"""
