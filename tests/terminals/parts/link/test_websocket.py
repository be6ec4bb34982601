"""The link: who it is, what it asks, and what a cut does to an ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.terminals.parts.link.centre import FAST, GATE_ID, Centre, Reply, answer, send, until

from menpiao.domain.reasons import Reason
from menpiao.terminals.parts.link.base import (
    Greeted,
    LateAnswer,
    LinkEvent,
    LinkFailure,
    LinkState,
    LinkTrouble,
)
from menpiao.terminals.parts.link.identity import new_identity
from menpiao.terminals.parts.link.websocket import WebSocketLink
from menpiao.wire.check import Answer, Ask, Command, Credential, Fault

WITHIN_S = 20.0
"""For an ask that something else ends: a busy machine may need a second for it."""


def an_ask(nonce: str = "nonce-0001") -> Ask:
    credential = Credential(kind="resident_card", number="11010519491231002X")
    return Ask(nonce=nonce, credential=credential, gate_id=GATE_ID)


@asynccontextmanager
async def running(link: WebSocketLink) -> AsyncIterator[list[LinkEvent]]:
    events: list[LinkEvent] = []
    task = asyncio.create_task(link.run(events.append))
    try:
        yield events
    finally:
        assert not task.done(), "the link must outlive every mishap"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_it_proves_itself_and_asks() -> None:
    async def main() -> None:
        async with Centre() as centre, running(link := centre.link()) as events:
            await until(lambda: link.state is LinkState.UP)
            got = await link.ask(an_ask(), WITHIN_S)
            assert isinstance(got, Answer)
            assert got.admitted
            assert [e.welcome.site for e in events if isinstance(e, Greeted)] == ["示例景区"]

    asyncio.run(main())


def test_answers_find_their_asks_in_any_order() -> None:
    async def main() -> None:
        async with Centre(lambda _: None) as centre, running(link := centre.link()):
            await until(lambda: link.state is LinkState.UP)
            asks = [an_ask(f"nonce-000{i}") for i in range(5)]
            waiting = [asyncio.create_task(link.ask(ask, WITHIN_S)) for ask in asks]
            await until(lambda: len(centre.asks) == 5)
            for ask in reversed(asks):
                await send(centre.links[0], answer(ask, holder=ask.nonce))
            got = await asyncio.gather(*waiting)
            assert [(a.nonce, a.holder) for a in got] == [(q.nonce, q.nonce) for q in asks]

    asyncio.run(main())


def test_a_cut_ask_is_sent_once_more_under_its_nonce() -> None:
    async def main() -> None:
        replies: list[Reply] = ["cut"]

        def reply(ask: Ask) -> Reply:
            return replies.pop() if replies else answer(ask)

        async with Centre(reply) as centre, running(link := centre.link()):
            await until(lambda: link.state is LinkState.UP)
            got = await link.ask(an_ask(), WITHIN_S)
            assert isinstance(got, Answer)
            assert [ask.nonce for ask in centre.asks] == ["nonce-0001"] * 2

    asyncio.run(main())


def test_an_ask_is_never_sent_a_third_time() -> None:
    async def main() -> None:
        async with Centre(lambda _: "cut") as centre, running(link := centre.link()):
            await until(lambda: link.state is LinkState.UP)
            got = await link.ask(an_ask(), 1.0)
            assert got == LinkFailure(LinkTrouble.TIMED_OUT)
            assert got.may_repeat
            assert len(centre.asks) == 2

    asyncio.run(main())


def test_an_ask_made_while_down_is_answered_when_the_link_comes() -> None:
    async def main() -> None:
        async with Centre() as centre:
            await centre.stop()
            async with running(link := centre.link()):
                waiting = asyncio.create_task(link.ask(an_ask(), WITHIN_S))
                await asyncio.sleep(0.1)
                await centre.start()
                assert isinstance(await waiting, Answer)

    asyncio.run(main())


def test_no_centre_is_a_value() -> None:
    async def main() -> None:
        async with Centre() as centre:
            await centre.stop()
            async with running(link := centre.link()):
                assert await link.ask(an_ask(), 0.2) == LinkFailure(LinkTrouble.DOWN)

    asyncio.run(main())


def test_a_late_answer_is_reported_and_decides_nothing() -> None:
    async def main() -> None:
        async with Centre(lambda _: None) as centre, running(link := centre.link()) as events:
            await until(lambda: link.state is LinkState.UP)
            got = await link.ask(an_ask(), 0.2)
            assert got == LinkFailure(LinkTrouble.TIMED_OUT)
            assert link.state is LinkState.UP  # it answered the question after its life
            await send(centre.links[0], answer(an_ask()))
            await until(lambda: any(isinstance(e, LateAnswer) for e in events))

    asyncio.run(main())


def test_a_dead_line_is_noticed_by_an_ask() -> None:
    async def main() -> None:
        async with Centre(lambda _: None) as centre, running(link := centre.link()):
            await until(lambda: link.state is LinkState.UP)
            centre.beating = False
            await link.ask(an_ask(), 0.2)
            await until(lambda: centre.open == 2 or len(centre.links) == 2)

    asyncio.run(main())


def test_a_dead_line_is_noticed_without_an_ask() -> None:
    async def main() -> None:
        centre = Centre()
        centre.heartbeat_s = 1
        centre.beating = False
        async with centre, running(link := centre.link()):
            await until(lambda: link.state is LinkState.UP)
            await until(lambda: len(centre.links) == 2)
            assert centre.beats >= 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "shown"),
    [("busy", Reason.BUSY), ("not_permitted", Reason.NEEDS_STAFF), ("?", Reason.NEEDS_STAFF)],
)
def test_a_fault_ends_its_ask(code: str, shown: Reason) -> None:
    async def main() -> None:
        def reply(ask: Ask) -> Fault:
            return Fault(code=code, text="", nonce=ask.nonce)

        async with Centre(reply) as centre, running(link := centre.link()):
            await until(lambda: link.state is LinkState.UP)
            got = await link.ask(an_ask(), WITHIN_S)
            assert got == LinkFailure(LinkTrouble.FAULT, shown, code)
            assert got.may_repeat == (code == "busy")

    asyncio.run(main())


def test_a_stranger_is_refused_and_comes_back_when_let_in() -> None:
    async def main() -> None:
        async with Centre() as centre:
            stranger = new_identity().enrolled_as(5)
            async with running(link := centre.link(stranger)):
                await until(lambda: link.state is LinkState.REFUSED)
                got = await link.ask(an_ask(), WITHIN_S)
                assert got == LinkFailure(LinkTrouble.REFUSED, Reason.DEVICE_UNKNOWN)
                centre.identity, centre.refusal = stranger, None
                await until(lambda: link.state is LinkState.UP)

    asyncio.run(main())


def test_a_revoked_terminal_is_out_at_once() -> None:
    async def main() -> None:
        def reply(ask: Ask) -> Fault:
            centre.refusal = Fault(code="device_revoked", text="", nonce=ask.nonce)
            return centre.refusal

        async with Centre(reply) as centre, running(link := centre.link()):
            await until(lambda: link.state is LinkState.UP)
            got = await link.ask(an_ask(), WITHIN_S)
            assert got == LinkFailure(LinkTrouble.REFUSED, Reason.DEVICE_REVOKED)

    asyncio.run(main())


def test_damaged_frames_and_commands_do_not_end_the_link() -> None:
    async def main() -> None:
        async with Centre() as centre, running(link := centre.link()) as events:
            await until(lambda: link.state is LinkState.UP)
            nested, no_text = '{"x":' + "[" * 5000, b'{"type":"\xff"}'
            for frame in ("", "{}", "[]", '{"type":"answer"}', b"\xff\xfe", nested, no_text):
                await centre.links[0].send(frame)
            await send(centre.links[0], Command(id="1", action="open_once"))
            assert isinstance(await link.ask(an_ask(), WITHIN_S), Answer)
            assert len(centre.links) == 1
            assert any(isinstance(e, Command) for e in events)

    asyncio.run(main())


def test_what_only_a_newer_centre_says_is_passed_over_and_counted() -> None:
    async def main() -> None:
        async with Centre() as centre, running(link := centre.link()) as events:
            centre.heartbeat_s = 1
            await until(lambda: link.state is LinkState.UP)
            for _ in range(3):
                await centre.links[0].send('{"type":"weather.today","of":["晴",21.5]}')
            await send(centre.links[0], Command(id="1", action="open_once"))
            assert isinstance(await link.ask(an_ask(), WITHIN_S), Answer)
            await until(lambda: centre.said is not None and centre.said.unknown == 3, 8)
            assert len(centre.links) == 1
            assert any(isinstance(e, Command) for e in events)

    asyncio.run(main())


def test_the_pause_grows_and_stays_within_its_bounds() -> None:
    class Most:
        def random(self) -> float:
            return 1.0

    class Least:
        def random(self) -> float:
            return 0.0

    assert [FAST.back_off_s(n, Most()) for n in (0, 1, 9)] == [0.02, 0.04, 0.1]
    assert [FAST.back_off_s(n, Least()) for n in (0, 1, 9)] == [0.01, 0.02, 0.05]
