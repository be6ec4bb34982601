"""Ports (端口): what carries bytes to a device, whatever the device is.

Serial lines, network connections, USB pipes and keyboards; every part's driver stands on one of
them and knows nothing of how its bytes travel.
"""
