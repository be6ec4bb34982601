"""The visitor who is at the reader when the link is cut or slow, by a clock that the test turns.

No time passes but by the test: what has happened at a moment has waited for nothing longer.
"""

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from tests.support_db import person
from tests.terminals.gate.offline.test_rules import NOON, Centre, Terminal

from menpiao.terminals.gate.controller import Controller
from menpiao.terminals.gate.journal import Journal
from menpiao.terminals.gate.offline.decider import LaneDecides
from menpiao.terminals.gate.offline.local import Local
from menpiao.terminals.gate.slips import Slips
from menpiao.terminals.parts.barrier.base import Hold
from menpiao.terminals.parts.display.base import Data, Signal
from menpiao.terminals.parts.link.base import LinkFailure, LinkState, LinkTrouble
from menpiao.terminals.parts.reader.base import CardPresented, CardRead
from menpiao.wire.check import Ask, Credential

LIMIT_S = 0.25
CARD = CardRead(
    kind="resident",
    number=person(1),
    name="李样例",
    sex="1",
    birth=None,
    valid_until=None,
    nationality=None,
    pass_number=None,
)


class Turned(asyncio.SelectorEventLoop):
    """An event loop whose clock stands until it is turned; threads finish in their own time."""

    at = 0.0

    def time(self):
        return self.at

    async def turn(self, to):
        await self.settle()
        self.at = to
        await self.settle()

    async def settle(self):
        """Let everything happen that needs no time of this clock."""
        for _ in range(60):
            await asyncio.sleep(0)
            await self.run_in_executor(None, time.sleep, 0.002)


@pytest.fixture
def run():
    def go(scene):
        with asyncio.Runner(loop_factory=Turned) as runner:
            runner.run(scene(runner.get_loop()))

    return go


@dataclass
class Way:
    """The network to whoever decides: it takes asks, and answers when the test says so."""

    state: LinkState = LinkState.UP
    asked_at: list = field(default_factory=list)
    outcome: asyncio.Future = None

    async def ask(self, ask, timeout_s):
        loop = asyncio.get_running_loop()
        self.asked_at.append(loop.time())
        self.outcome = self.outcome or loop.create_future()
        return await asyncio.shield(self.outcome)


@pytest.fixture
def folder():
    """A lane's folder with a bundle in which person(1) has a ticket for one."""
    terminal = Terminal(1, Centre([1]), "lane")
    terminal.close()
    yield terminal.folder
    shutil.rmtree(terminal.folder)


@pytest.fixture
def local(folder):
    with_bundle = Local(folder, timedelta(hours=12), clock=lambda: NOON)
    yield with_bundle
    with_bundle.close()


def an_ask(nonce="nonce-0001"):
    credential = Credential(kind=CARD.document_type, number=CARD.number)
    return Ask(nonce=nonce, credential=credential, gate_id=1, people=1)


def test_a_silent_centre_is_waited_for_until_the_limit_and_no_longer(run, local):
    async def scene(loop):
        await local.look()
        way = Way()
        decider = LaneDecides(way, local, 1, LIMIT_S)
        answer = asyncio.create_task(decider.decide(an_ask(), 8.0))
        await loop.turn(LIMIT_S - 0.001)
        assert way.asked_at == [0.0]
        assert not answer.done()
        await loop.turn(LIMIT_S)
        assert answer.done()
        assert (answer.result().source, answer.result().admitted) == ("lane", True)
        await decider.finish()

    run(scene)


@pytest.mark.parametrize("state", [LinkState.DOWN, LinkState.REFUSED])
def test_a_link_that_is_down_costs_the_visitor_no_time(run, local, state):
    async def scene(loop):
        await local.look()
        way = Way(state)
        if state is LinkState.REFUSED:
            way.outcome = loop.create_future()
            way.outcome.set_result(LinkFailure(LinkTrouble.DOWN))
        decider = LaneDecides(way, local, 1, LIMIT_S)
        answer = asyncio.create_task(decider.decide(an_ask(), 8.0))
        await loop.settle()
        assert (loop.time(), answer.result().source) == (0.0, "lane")

    run(scene)


def test_a_cut_while_the_card_lies_there_is_answered_at_the_cut(run, local):
    async def scene(loop):
        await local.look()
        way = Way()
        decider = LaneDecides(way, local, 1, LIMIT_S)
        answer = asyncio.create_task(decider.decide(an_ask(), 8.0))
        await loop.turn(0.04)
        assert not answer.done()
        way.outcome.set_result(LinkFailure(LinkTrouble.DOWN))
        await loop.settle()
        assert (loop.time(), answer.result().source) == (0.04, "lane")

    run(scene)


def test_centre_and_hub_share_the_limit(run, local):
    async def scene(loop):
        await local.look()
        centre, hub = Way(), Way()
        decider = LaneDecides(centre, local, 1, LIMIT_S, hub)
        answer = asyncio.create_task(decider.decide(an_ask(), 8.0))
        await loop.turn(LIMIT_S / 2)
        await loop.turn(LIMIT_S - 0.001)
        assert (centre.asked_at, hub.asked_at) == ([0.0], [LIMIT_S / 2])
        assert not answer.done()
        await loop.turn(LIMIT_S)
        assert answer.result().source == "lane"
        await decider.finish()

    run(scene)


class Order:
    """Screen and barrier of a lane; what they were told stands in the order in which it came."""

    def __init__(self, loop, folder):
        self.loop, self.folder, self.told = loop, folder, []

    def show(self, view):
        if view.signal in {Signal.ADMIT, Signal.REFUSE}:
            self.told.append(("shown", view.signal.value, self.loop.time(), self._written()))

    def data(self, data: Data):
        pass

    def open(self, opening):
        self.told.append(("opened", opening.people, self.loop.time(), self._written()))

    def hold(self, hold: Hold, direction=None):
        raise AssertionError(hold)

    def withdraw(self, key):
        raise AssertionError(key)

    async def run(self, deliver):
        await asyncio.Event().wait()

    def _written(self):
        """Scans on disk, as another program would find them there after a power cut."""
        path = self.folder / "decided.sqlite3"
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("select count(*) from scans where admitted").fetchone()[0]


def test_the_visitor_at_the_reader_is_let_in_at_the_limit_after_the_book_is_written(
    run, local, folder
):
    async def scene(loop):
        await local.look()
        order, way = Order(loop, folder), Way()
        journal = Journal(folder / "journal.sqlite3")
        decider = LaneDecides(way, local, 1, LIMIT_S)
        slips = Slips(None, lambda *_: None, journal)
        lane = Controller(1, decider, order, journal, slips, barrier=order, clock=lambda: NOON)
        task = asyncio.create_task(lane.run())
        await loop.settle()
        lane.deliver(CardPresented(CARD))
        await loop.turn(LIMIT_S - 0.001)
        assert (way.asked_at, order.told) == ([0.0], [])
        await loop.turn(LIMIT_S)
        assert order.told == [("shown", "admit", LIMIT_S, 1), ("opened", 1, LIMIT_S, 1)]
        # What the centre says now opens nothing more, and is kept beside the entry.
        way.outcome.set_result(await local.decide(an_ask("nonce-late")))
        await loop.turn(60.0)
        assert [what for what, *_ in order.told] == ["shown", "opened"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await decider.finish()
        journal.close()

    run(scene)
