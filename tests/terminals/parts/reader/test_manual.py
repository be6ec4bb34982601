"""Entry by hand: a PIN stands behind it, only its hash is kept, guessing is slow."""

import asyncio

from tests.terminals.parts.reader.lane import Lane

from menpiao.domain.pin import hash_pin
from menpiao.terminals.parts.reader.base import ReaderState
from menpiao.terminals.parts.reader.manual import (
    Entry,
    ManualReader,
    Supervisor,
)

NUMBER = "11010519491231002x"


def test_entries() -> None:
    async def main() -> None:
        now = [0.0]
        chief = Supervisor("chief", hash_pin("314159", b"salt"))
        lane = Lane(ManualReader((chief,), lambda: now[0]))
        reader = lane.reader
        assert await reader.enter("chief", "314159", "resident", NUMBER) is Entry.NOT_READY
        task = asyncio.create_task(reader.run(lane.deliver))
        await lane.until(lambda: lane.ready == 1)
        assert reader.state is ReaderState.READY
        assert await reader.enter("chief", "314159", "resident", NUMBER) is Entry.TAKEN
        assert [card.number for card in lane.cards] == [NUMBER.upper()]
        assert await reader.enter("nobody", "314159", "resident", NUMBER) is Entry.WRONG_PIN
        tries = [reader.enter("chief", f"00000{n}", "resident", NUMBER) for n in range(8)]
        outcomes = await asyncio.gather(*tries)
        assert outcomes.count(Entry.WRONG_PIN) == 5
        assert outcomes.count(Entry.LOCKED) == 3
        assert await reader.enter("chief", "314159", "resident", NUMBER) is Entry.LOCKED
        now[0] += 61
        assert await reader.enter("chief", "314159", "resident", NUMBER) is Entry.TAKEN
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(lane.cards) == 2

    asyncio.run(main())
