"""Whether a barrier's board is at the other end: its inputs or counters are read, nothing moves.

Relays of the LCUS family say nothing to anything: no question finds them.
"""

from __future__ import annotations

from typing import Final

from menpiao.terminals.parts.barrier.templates import (
    PROFILES,
    FrameParser,
    FrameProfile,
    built_in,
    crc16,
)
from menpiao.terminals.ports.base import Connection
from menpiao.terminals.ports.hearing import answer_to

_READ_INPUTS: Final = bytes((0x02, 0x00, 0x00, 0x00, 0x01))
"""Function 02: one input, the first."""
_DEVICE: Final = 1
_REFUSED: Final = 0x80
_TRANSACTION: Final = b"\x6d\x70"


def frame_profiles() -> tuple[FrameProfile, ...]:
    """The shipped makes of board that can be asked for their counters."""
    profiles = (built_in(path.stem) for path in sorted(PROFILES.glob("*.toml")))
    return tuple(one for one in profiles if "query" in one.send and "counters" in one.receive)


async def is_frame_board(
    connection: Connection, profile: FrameProfile, answer_s: float = 0.3
) -> bool:
    """Whether this make of board tells its counters. Raises PortError when the way breaks."""
    question = profile.send["query"].build(dict(profile.fields))
    heard = await answer_to(connection, question, answer_s)
    found = FrameParser(profile.receive).feed(heard)
    return any(name == "counters" for name, _ in found)


async def is_modbus_rtu(connection: Connection, answer_s: float = 0.3) -> bool:
    """Whether device 1 answers on this line, be it with a refusal. Raises PortError."""
    body = bytes((_DEVICE,)) + _READ_INPUTS
    question = body + crc16(body).to_bytes(2, "little")
    heard = await answer_to(connection, question, answer_s)
    heard = heard.removeprefix(question)  # some converters echo what they send
    lengths = {_READ_INPUTS[0]: 6, _READ_INPUTS[0] | _REFUSED: 5}
    if len(heard) < 5 or heard[0] != _DEVICE or len(heard) != lengths.get(heard[1]):
        return False
    return crc16(heard[:-2]).to_bytes(2, "little") == heard[-2:]


async def is_modbus_tcp(connection: Connection, answer_s: float = 0.5) -> bool:
    """Whether a Modbus device answers on this connection. Raises PortError."""
    body = bytes((_DEVICE,)) + _READ_INPUTS
    question = _TRANSACTION + bytes((0, 0, 0, len(body))) + body
    heard = await answer_to(connection, question, answer_s)
    function = _READ_INPUTS[0]
    return (
        len(heard) >= 9
        and heard[:4] == _TRANSACTION + b"\0\0"
        and int.from_bytes(heard[4:6], "big") == len(heard) - 6
        and heard[7] in {function, function | _REFUSED}
    )
