"""Ports for servers that tests start."""

import socket

_HELD: list[socket.socket] = []


def free_port() -> int:
    """A port of loopback that nobody else is given while these tests run.

    A port that is let go before its server listens can be given to another run's server on the
    same machine, which would answer in its place. So it stays bound. Servers listen on it all the
    same, as they set SO_REUSEADDR; until then, and after they end, connections are refused.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _HELD.append(held)
    port: int = held.getsockname()[1]
    return port
