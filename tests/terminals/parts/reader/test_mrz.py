"""Passports by their machine readable zone, over a serial line and as a keyboard."""

import asyncio
from datetime import date

import pytest
from tests.terminals.parts.reader.lane import Lane

from menpiao.simulation.scanner import SimulatedScanner
from menpiao.terminals.parts.reader.base import CardPresented, CardUnreadable, ReaderReady
from menpiao.terminals.parts.reader.mrz import MrzReader, Options
from menpiao.terminals.ports.keyboard import KeyboardTransport
from menpiao.terminals.ports.serial_port import SerialTransport

# The specimen of ICAO 9303 part 4.
FIRST = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
SECOND = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
OPTIONS = Options(
    silence_s=0.05, repeat_window_s=0.2, reopen_s=0.03, today=lambda: date(2026, 1, 1)
)


async def read(sent: list[bytes], transport=SerialTransport, typed: str = "") -> Lane:
    async with SimulatedScanner() as sim:
        lane = Lane(MrzReader(transport(sim.port), OPTIONS))
        task = asyncio.create_task(lane.reader.run(lane.deliver))
        await lane.until(lambda: lane.ready == 1)
        for piece in sent:
            sim.send(piece)
        sim.type(typed)
        await lane.until(lambda: len(lane.events) > 1)
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert isinstance(lane.events[0], ReaderReady)
    return lane


@pytest.mark.parametrize(
    "sent",
    [
        [f"{FIRST}\r{SECOND}\r".encode()],
        [f"{FIRST}\r\n{SECOND}\r\n".encode()],
        [f"{FIRST}{SECOND}".encode()],
        [f"{SECOND}\r".encode()],
        [FIRST[:20].encode(), FIRST[20:].encode(), b"\r", SECOND.encode()],
        [b"\r\rnoise\r", f"{FIRST}\r{SECOND}\r".encode()],
    ],
)
def test_a_passport_however_it_is_sent(sent: list[bytes]) -> None:
    lane = asyncio.run(read(sent))
    [card] = lane.cards
    assert (card.document_type, card.number, card.nationality) == (
        "passport_foreign",
        "L898902C3",
        "UTO",
    )
    assert (card.birth, card.valid_until, card.sex) == ("1974-08-12", "2012-04-15", "2")
    assert "L898902C3" not in repr(lane.events)


def test_typed_as_a_keyboard() -> None:
    lane = asyncio.run(read([], KeyboardTransport, f"{FIRST}\r{SECOND}\r"))
    assert [card.name for card in lane.cards] == ["ERIKSSON ANNA MARIA"]


def test_a_misread_passport_is_placed_again() -> None:
    lane = asyncio.run(read([f"{FIRST}\r{SECOND.replace('7408122', '7408172')}\r".encode()]))
    assert [type(event) for event in lane.events[1:]] == [CardUnreadable]
    lane = asyncio.run(read([f"{FIRST}\r".encode(), b"X" * 5000 + b"\r", f"{SECOND}\r".encode()]))
    assert sum(isinstance(event, CardPresented) for event in lane.events) <= 1
