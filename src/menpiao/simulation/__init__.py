"""The world outside (模拟), at byte level: cards, readers, payment platform, operators.

Each simulated thing is an ordinary implementation, shipped and selectable.
"""
