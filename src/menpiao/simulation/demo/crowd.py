"""A crowd of simulated visitors: they book over HTTP, pay, walk in over real links, and leave.

It is bounded: never more than ``RATE_MAX`` people a minute, ``PARTIES_MAX`` parties under way and
``INSIDE_MAX`` people inside; what does not fit does not come.
"""

import asyncio
import heapq
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

import httpx

from menpiao.simulation.demo.booking import Shop, Traveller
from menpiao.simulation.demo.people import PARTY_SIZES, make_party, make_person, telephone
from menpiao.terminals.parts.link.base import LinkFailure, LinkState
from menpiao.terminals.parts.link.websocket import WebSocketLink
from menpiao.wire.check import Answer, Ask, Credential

RATE_MAX: Final = 120
PARTIES_MAX: Final = 48
INSIDE_MAX: Final = 2000
_ASK_S: Final = 3.0
_MEAN_PARTY: Final = sum(PARTY_SIZES) / len(PARTY_SIZES)


@dataclass(frozen=True, slots=True)
class VirtualLane:
    """An enrolled lane without hardware: a link, and the gate it asks for."""

    link: WebSocketLink
    gate_id: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long visitors take, in seconds; a demo's visitors are quick."""

    think: tuple[float, float] = (1.0, 4.0)
    way: tuple[float, float] = (2.0, 12.0)
    stay: tuple[float, float] = (45.0, 240.0)


class Crowd:
    """Visitors at a rate of people a minute; 0: nobody new, those inside still leave."""

    def __init__(
        self,
        shop: Shop,
        entries: Sequence[VirtualLane],
        exits: Sequence[VirtualLane],
        today: Callable[[], date],
        *,
        seed: int | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Book in ``shop``, enter by ``entries``, leave by ``exits``."""
        self._shop, self._entries, self._exits, self._today = shop, entries, exits, today
        self._chance = Random(seed)
        self._pace = pace or Pace()
        self._rate = 0
        self._changed = asyncio.Event()
        self._parties: set[asyncio.Task[None]] = set()
        self._inside: list[tuple[float, str]] = []
        self.counts: Counter[str] = Counter()
        """people: booked, unpaid, entered, refused, left; parties: refused_orders, failed, held."""

    @property
    def rate(self) -> int:
        """People a minute."""
        return self._rate

    @rate.setter
    def rate(self, people_a_minute: int) -> None:
        self._rate = max(0, min(RATE_MAX, people_a_minute))
        self._changed.set()

    @property
    def under_way(self) -> int:
        """Parties between their booking and the gate."""
        return len(self._parties)

    @property
    def inside(self) -> int:
        """People of the crowd inside."""
        return len(self._inside)

    async def run(self) -> None:
        """Let them come and go until cancelled."""
        links = {id(lane.link): lane.link for lane in (*self._entries, *self._exits)}
        async with asyncio.TaskGroup() as tasks:
            for link in links.values():
                tasks.create_task(link.run(lambda _: None))
            tasks.create_task(self._leave())
            try:
                await self._arrive()
            finally:
                for party in tuple(self._parties):
                    party.cancel()
                await asyncio.gather(*self._parties, return_exceptions=True)

    async def _arrive(self) -> None:
        while True:
            self._changed.clear()
            wait_s = 60 * _MEAN_PARTY / self._rate if self._rate else None
            try:
                await asyncio.wait_for(self._changed.wait(), wait_s)
            except TimeoutError:
                if len(self._parties) >= PARTIES_MAX or len(self._inside) >= INSIDE_MAX:
                    self.counts["held"] += 1
                    continue
                task = asyncio.create_task(self._party())
                self._parties.add(task)
                task.add_done_callback(self._parties.discard)

    async def _party(self) -> None:
        people = make_party(self._chance, self._today())
        travellers = [Traveller("resident_card", p.number, p.name) for p in people]
        try:
            order = await self._shop.book(travellers, self._today(), telephone(self._chance))
            if isinstance(order, str):
                self.counts["refused_orders"] += 1
                return
            self.counts["booked"] += len(people)
            await self._spend(self._pace.think)
            if order.state != "paid" and self._chance.random() < 0.04:
                self.counts["unpaid"] += len(people)
                return
            if not await self._shop.pay(order):
                self.counts["failed"] += 1
                return
        except httpx.HTTPError:
            self.counts["failed"] += 1
            return
        await self._spend(self._pace.way)
        await self._walk_in([p.number for p in people])

    async def _walk_in(self, numbers: Sequence[str]) -> None:
        lane = self._chance.choice(self._entries)
        if self._chance.random() < 0.02:
            # Somebody who believed that a friend had booked for them.
            await self._scan(lane, make_person(self._chance, self._today(), 20, 60).number)
        for number in numbers:
            if await self._scan(lane, number):
                self.counts["entered"] += 1
                leaves = asyncio.get_running_loop().time() + self._chance.uniform(*self._pace.stay)
                heapq.heappush(self._inside, (leaves, number))
            if self._chance.random() < 0.02:
                await self._scan(lane, number)  # a card laid twice

    async def _leave(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            now = asyncio.get_running_loop().time()
            while self._inside and self._inside[0][0] <= now:
                _, number = heapq.heappop(self._inside)
                lane = self._chance.choice(self._exits)
                if await self._scan(lane, number):
                    self.counts["left"] += 1

    async def _scan(self, lane: VirtualLane, number: str) -> bool:
        if lane.link.state is not LinkState.UP:
            self.counts["failed"] += 1
            return False
        ask = Ask(
            nonce=secrets.token_urlsafe(12),
            credential=Credential(kind="resident_card", number=number),
            gate_id=lane.gate_id,
        )
        answer = await lane.link.ask(ask, _ASK_S)
        if isinstance(answer, LinkFailure):
            self.counts["failed"] += 1
            return False
        assert isinstance(answer, Answer)
        if not answer.admitted:
            self.counts["refused"] += 1
        return answer.admitted

    async def _spend(self, bounds: tuple[float, float]) -> None:
        await asyncio.sleep(self._chance.uniform(*bounds))
