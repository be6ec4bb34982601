"""The messages that cross the internet (互联网), patent part 4.

Versioned structs between terminals, servers and jobs, without behaviour.
"""
