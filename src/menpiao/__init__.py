"""A ticket centre for scenic areas in which the visitor's identity card is the ticket (门票).

The folders are the figures of patent CN201796393U; ``docs/architecture.md`` has the map.
"""
