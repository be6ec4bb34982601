"""The staff panel (检票员工台): what a guard or a supervisor does at a lane, by phone or tablet.

Nothing is decided here: whatever lets somebody in is an ask that the lane's controller makes.
"""
