"""Communication module (通信模块), patent part 303.

The link of a terminal to the centre over any network; what a cut interrupts is asked again with
the same key.
"""
