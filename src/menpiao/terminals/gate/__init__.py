"""Check terminal (检票终端), patent parts 3 and 302.

The program of one lane; ``controller`` is the central controller (中央控制器), part 302. It knows a
terminal part by its ``base`` only.
"""
