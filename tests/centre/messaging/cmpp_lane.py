"""A simulated operator on a loopback port and a channel to it, for the time of a test."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from menpiao.centre.messaging.channel import Message
from menpiao.centre.messaging.cmpp.channel import CmppChannel
from menpiao.centre.messaging.cmpp.dialect import Account
from menpiao.centre.messaging.link import Reconnect
from menpiao.centre.messaging.session import Timers
from menpiao.simulation.sms.operator import Operator, Plan, listening
from menpiao.simulation.sms.phones import Phones

NUMBER = "13800005678"
QUICK = Timers(silence_s=60, answer_s=0.4, tests=2, window=16)
AGAIN = Reconnect(first_s=0.02, most_s=0.05, refused_s=0.05, connect_s=2)


@dataclass
class Ear:
    """Keeps what the channel reports; ``keeps`` False plays a data store that is away."""

    receipts: list = field(default_factory=list)
    lates: list = field(default_factory=list)
    keeps: bool = True

    async def receipt(self, receipt):
        if self.keeps:
            self.receipts.append(receipt)
        return self.keeps

    async def late(self, key, sent):
        self.lates.append((key, sent))


def account(port, **changes):
    fields = {
        "host": "127.0.0.1",
        "port": port,
        "sp_id": "901234",
        "secret": "1234",
        "src_id": "10690012",
        "messages_per_second": 500,
        "timers": QUICK,
        "reconnect": AGAIN,
    }
    return Account(**fields | changes)


@contextlib.asynccontextmanager
async def operator(**plan):
    simulated = Operator(Phones(), Plan(**{"delay_s": 0.01, "late_s": 0.6} | plan))
    async with listening(simulated) as port:
        yield simulated, port


@contextlib.asynccontextmanager
async def running(channel, ear):
    task = asyncio.create_task(channel.run(ear))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass
class Lane:
    operator: Operator
    port: int
    channel: CmppChannel
    ear: Ear

    async def send(self, text="票", number=NUMBER):
        return await self.channel.send(Message((1, 7), number, text))


@contextlib.asynccontextmanager
async def lane(plan=None, **changes):
    """Operator, channel and ear, connected."""
    async with operator(**plan or {}) as (simulated, port):
        channel, ear = CmppChannel(account(port, **changes)), Ear()
        async with running(channel, ear):
            await until(lambda: channel.state.connected)
            yield Lane(simulated, port, channel, ear)


async def until(condition, timeout_s=5.0):
    """Until something is so; the test fails when it does not become so."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - a look from outside
            await asyncio.sleep(0.005)
