"""The simulated printer keeps what came out of it."""

import asyncio
import io

import pytest
from PIL import Image

from menpiao.simulation.printer import SimulatedPrinter
from menpiao.terminals.parts.printer.base import Cut, QrCode, Slip, Text
from menpiao.terminals.parts.printer.driver import EscPosPrinter
from menpiao.terminals.parts.printer.profiles import PROFILES, Charset
from menpiao.terminals.parts.printer.render import MARGIN_DOTS
from menpiao.terminals.parts.printer.transport_network import NetworkTransport


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_slip_becomes_a_picture(name: str) -> None:
    async def main() -> None:
        profile = PROFILES[name]
        async with SimulatedPrinter(profile) as sim:
            printer = EscPosPrinter(NetworkTransport(*sim.address), profile)
            slip = Slip((Text("门票 ¥80"), QrCode("MP7K2Q9XW4RT"), Cut()))
            outcome = await printer.print_slip(slip)
            job = await sim.wait_for_job(2)
            assert outcome.status.value == "printed"
            assert job.unknown == ()
            if profile.charset is not Charset.NONE:
                assert job.lines == ["门票 ￥80"]
                assert job.codes == ["MP7K2Q9XW4RT"]
            image = Image.open(io.BytesIO(job.png()))
            assert (image.format, image.width) == ("PNG", profile.dots + 2 * MARGIN_DOTS)
            assert "门票" not in repr(job)

    asyncio.run(main())


def test_each_cut_ends_a_slip_and_only_the_last_are_kept() -> None:
    async def main() -> None:
        async with SimulatedPrinter(keep=3) as sim:
            printer = EscPosPrinter(NetworkTransport(*sim.address), sim.profile)
            await printer.print_slip(
                Slip(tuple(line for n in range(5) for line in (Text(str(n)), Cut())))
            )
            await sim.wait_for_job(2, after=4)
            assert [slip.lines for slip in sim.slips] == [["2"], ["3"], ["4"]]
            assert [slip.number for slip in sim.slips] == [3, 4, 5]
            with pytest.raises(TimeoutError):
                await sim.wait_for_job(0.05, after=5)

    asyncio.run(main())


def test_switched_off_with_a_host_connected() -> None:
    async def main() -> None:
        sim = SimulatedPrinter()
        await sim.start()
        reader, writer = await asyncio.open_connection(*sim.address)
        writer.write(b"\x10\x04\x04")
        assert await reader.read(1) == b"\x12"
        await sim.stop()
        with pytest.raises(ConnectionResetError):
            assert await reader.read(1) == b""
            raise ConnectionResetError
        writer.close()

    asyncio.run(main())


def test_a_slip_is_found_in_any_pieces() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            _, writer = await asyncio.open_connection(*sim.address)
            for byte in b"\x1b@\x1c&" + "门票".encode("gbk") + b"\n\x1dV\x01":
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(0)
            job = await sim.wait_for_job(2)
            assert job.lines == ["门票"]
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
