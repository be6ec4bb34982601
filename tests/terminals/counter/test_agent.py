"""The counter's agent: cards to the clerk's page, slips to the printer, nobody else served."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from tests.terminals.parts.reader.lane import FAST
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from menpiao.compose.lane import network_printer
from menpiao.simulation.cards import HMT, RESIDENT
from menpiao.simulation.printer import SimulatedPrinter
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.counter.agent import CounterAgent, CounterParts
from menpiao.terminals.parts.printer.base import Printer
from menpiao.terminals.parts.reader.sam_v import Options, SamVReader
from menpiao.terminals.ports.serial_port import SerialTransport

SITE = "https://tickets.example"


@asynccontextmanager
async def running(
    printer: Printer | None = None,
) -> AsyncIterator[tuple[SimulatedReader, CounterAgent]]:
    async with SimulatedReader() as sim:
        reader = SamVReader(SerialTransport(sim.port), Options(timings=FAST))
        agent = CounterAgent(0, [SITE], CounterParts(reader, printer))
        task = asyncio.create_task(agent.run())
        await agent.ready.wait()
        try:
            yield sim, agent
        finally:
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def page(agent: CounterAgent, origin: str | None = SITE) -> connect:
    return connect(f"ws://127.0.0.1:{agent.port}/", origin=origin, proxy=None)


async def told(link: ClientConnection, kind: str) -> dict[str, str]:
    async with asyncio.timeout(5):
        while (message := json.loads(await link.recv()))["type"] != kind:
            pass
    return message


def test_a_card_reaches_the_page_in_front() -> None:
    async def main() -> None:
        async with running() as (sim, agent), page(agent) as behind, page(agent) as front:
            await told(front, "state")
            sim.lay(RESIDENT)
            assert await told(front, "card") == {
                "type": "card",
                "kind": "resident_card",
                "number": "11010519491231002X",
                "name": "李样例",
            }
            await front.close()
            sim.lay(HMT)
            assert (await told(behind, "card"))["kind"] == "hmt_residence_permit"

    asyncio.run(main())


def test_the_page_hears_of_a_pulled_cable() -> None:
    async def main() -> None:
        async with running() as (sim, agent), page(agent) as link:
            while (await told(link, "state"))["reader"] != "ready":
                pass
            sim.unplug()
            assert (await told(link, "state"))["reader"] == "offline"

    asyncio.run(main())


def test_a_slip_is_printed() -> None:
    async def main() -> None:
        lines = [
            {"line": "text", "text": "购票凭证", "size": 2, "align": "centre"},
            {"line": "rule"},
            {"line": "qr", "payload": "T0000000001"},
            {"line": "feed", "lines": 2},
            {"line": "cut"},
        ]
        async with (
            SimulatedPrinter() as paper,
            running(network_printer(*paper.address)) as (_, agent),
            page(agent) as link,
        ):
            await link.send(json.dumps({"type": "print", "id": "s1", "slip": {"lines": lines}}))
            answer = await told(link, "printed")
            assert (answer["id"], answer["status"]) == ("s1", "printed")
            slip = await paper.wait_for_job(5)
            assert any("购票凭证" in line for line in slip.lines)
            assert slip.codes == ["T0000000001"]

    asyncio.run(main())


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "{}",
        '{"type":"print","slip":{"lines":[]}}',
        b"\xff",
        b'{"type":"\xff"}',
        '{"x":' + "[" * 5000,
    ],
)
def test_a_bad_message_is_answered_and_no_printer_is_said(frame: str | bytes) -> None:
    async def main() -> None:
        async with running() as (_, agent), page(agent) as link:
            await link.send(frame)
            assert (await told(link, "fault"))["text"]
            good = {"type": "print", "id": "s1", "slip": {"lines": [{"line": "cut"}]}}
            await link.send(json.dumps(good))
            assert (await told(link, "printed"))["reason"] == "no_printer"

    asyncio.run(main())


def test_its_health_is_told_on_this_computer_and_to_no_page() -> None:
    async def main() -> None:
        async with running() as (sim, agent), httpx.AsyncClient(trust_env=False) as http:
            url = f"http://127.0.0.1:{agent.port}/health.json"

            async def until(state: str) -> None:
                while (await http.get(url)).json()["reader"] != state:  # noqa: ASYNC110 - HTTP
                    await asyncio.sleep(0.02)

            await until("ready")
            sim.unplug()
            await until("offline")
            for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
                assert (await http.get(url, headers=headers)).status_code == 403
            async with page(agent) as link:  # a question after its health is no page in front
                await http.get(url)
                sim.plug()
                await told(link, "state")

    asyncio.run(asyncio.wait_for(main(), 20))


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", SITE + ".evil.example"])
def test_other_pages_are_refused(origin: str | None) -> None:
    async def main() -> None:
        async with running() as (_, agent):
            with pytest.raises(InvalidStatus):
                async with page(agent, origin):
                    pass

    asyncio.run(main())
