"""A reader behind a network converter that breaks off, calls again and chatters (T8, T14)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.terminals.parts.reader.lane import card_of, running

from menpiao.simulation.cards import HMT, RESIDENT
from menpiao.simulation.mishaps import HEART_BEAT
from menpiao.simulation.safe_module import Op, SafeModule
from menpiao.terminals.parts.reader.base import ReaderState
from menpiao.terminals.ports.tcp import TcpConnectTransport, TcpListenTransport


class Converter:
    """The far side: a module whose bytes go over a network connection."""

    def __init__(self) -> None:
        self.module = SafeModule()
        self.cut_at: int | None = None
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            writer.write(HEART_BEAT)
            while data := await reader.read(4096):
                for op, frame in self.module.receive(data):
                    if op is Op.READ and self.cut_at is not None:
                        writer.write(frame[: self.cut_at])
                        self.cut_at = None
                        return
                    writer.write(HEART_BEAT + frame + HEART_BEAT)
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def a_converter() -> AsyncIterator[tuple[Converter, int]]:
    converter = Converter()
    server = await asyncio.start_server(converter.serve, "127.0.0.1", 0)
    try:
        yield converter, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in converter.writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def test_a_card_through_a_converter_with_heart_beats() -> None:
    async def main() -> None:
        async with (
            a_converter() as (converter, port),
            running(TcpConnectTransport("127.0.0.1", port)) as lane,
        ):
            await lane.until(lambda: lane.ready == 1)
            converter.module.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.faults == []

    asyncio.run(main())


def test_cut_in_mid_frame_is_noticed_at_once_and_the_next_card_works() -> None:
    async def main() -> None:
        async with (
            a_converter() as (converter, port),
            running(TcpConnectTransport("127.0.0.1", port)) as lane,
        ):
            for cut_at in (0, 7, 600):
                converter.cut_at = cut_at
                converter.module.lay(RESIDENT)
                lost = len(lane.faults)
                await lane.until(lambda lost=lost: len(lane.faults) > lost, timeout_s=1)
                assert lane.faults[-1] == "port_lost"
                converter.module.lift()
                await lane.until(lambda: lane.reader.state is ReaderState.READY)
                await asyncio.sleep(0.1)
            cards = len(lane.cards)
            converter.module.lay(HMT)
            await lane.until_cards(cards + 1)
            assert lane.cards[-1] == card_of(HMT)

    asyncio.run(main())


def test_nobody_there_and_then_somebody() -> None:
    async def main() -> None:
        async with a_converter() as (_, port):
            pass
        async with running(TcpConnectTransport("127.0.0.1", port)) as lane:
            await lane.until(lambda: lane.faults == ["port_absent"])

    asyncio.run(main())


async def call(port: int, converter: Converter) -> asyncio.Task[None]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return asyncio.create_task(converter.serve(reader, writer))


def test_the_converter_calls_us_and_its_newest_call_wins() -> None:
    async def main() -> None:
        transport = TcpListenTransport("127.0.0.1", 0, wait_s=0.1)
        async with running(transport) as lane:
            await lane.until(lambda: lane.faults == ["port_absent"])
            first, second = Converter(), Converter()
            calls = [await call(transport.port, first)]
            await lane.until(lambda: lane.ready == 1)
            calls.append(await call(transport.port, second))
            await lane.until(lambda: lane.ready == 2)
            first.module.lay(RESIDENT)
            second.module.lay(HMT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(HMT)]
        await transport.stop()
        await asyncio.gather(*calls)

    asyncio.run(main())


def test_a_stranger_is_not_the_converter() -> None:
    async def main() -> None:
        transport = TcpListenTransport("127.0.0.1", 0, peer="127.0.0.9", wait_s=0.1)
        async with running(transport) as lane:
            await lane.until(lambda: lane.faults == ["port_absent"])
            task = await call(transport.port, Converter())
            await asyncio.sleep(0.3)
            assert lane.ready == 0
        await transport.stop()
        await task

    asyncio.run(main())


def test_two_lanes_cannot_listen_on_one_port() -> None:
    async def main() -> None:
        one = TcpListenTransport("127.0.0.1", 0, wait_s=0.1)
        async with running(one) as lane:
            await lane.until(lambda: lane.faults == ["port_absent"])
            async with running(TcpListenTransport("127.0.0.1", one.port)) as other:
                await other.until(lambda: other.faults == ["port_busy"])
        await one.stop()

    asyncio.run(main())
