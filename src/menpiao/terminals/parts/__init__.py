"""The parts of a terminal (终端部件): one folder each, a ``base`` and its drivers.

Parts never import each other; which driver is used is decided in ``compose`` alone.
"""
