"""A port that a test is given is its own: a server of another run never answers on it."""

import asyncio
import errno
import socket

import pytest
from tests.support_db import run
from tests.support_ports import free_port


def test_nobody_else_gets_a_port_and_a_server_of_ours_may_listen_on_it():
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use") as refused:
        other.bind(("127.0.0.1", port))
    assert refused.value.errno == errno.EADDRINUSE
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)

    async def main():
        for _ in range(2):  # a server that is started again finds it free
            async with await asyncio.start_server(
                lambda _, writer: writer.close(), "127.0.0.1", port
            ):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()

    run(main())
