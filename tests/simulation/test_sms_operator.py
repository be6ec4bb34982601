"""The simulated operator, spoken to in octets written by hand: it keeps to the protocol alone."""

import asyncio
import contextlib
import hashlib

import pytest
from tests.centre.messaging.cmpp_lane import NUMBER, operator, until

from menpiao.simulation.sms.operator import Fault

TIMESTAMP = "1124090000"


def connect(version, secret="1234", source="901234"):
    proof = hashlib.md5(source.encode() + bytes(9) + secret.encode() + TIMESTAMP.encode()).digest()
    body = source.encode() + proof + bytes([version]) + int(TIMESTAMP).to_bytes(4, "big")
    return packet(0x1, 1, body), proof


def packet(command, sequence, body=b""):
    head = (12 + len(body), command, sequence)
    return b"".join(n.to_bytes(4, "big") for n in head) + body


def submit_v2(sequence, text, number=NUMBER, header=b""):
    content = header + text.encode("utf-16-be")
    body = (
        bytes(8) + bytes([1, 1, 1, 0]) + b"MENPIAO".ljust(10, b"\0") + b"\x02" + bytes(21)
        + bytes([0, 1 if header else 0, 8]) + b"901234" + b"01" + b"0".ljust(6, b"\0") + bytes(34)
        + b"10690012".ljust(21, b"\0") + b"\x01" + number.encode().ljust(21, b"\0")
        + bytes([len(content)]) + content + bytes(8)
    )  # fmt: skip
    return packet(0x4, sequence, body)


@contextlib.asynccontextmanager
async def dialled(version=0x20, **plan):
    """A hand-made provider, logged in, and the operator."""
    async with operator(**plan) as (simulated, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(connect(version)[0])
        await read(reader)
        yield simulated, reader, writer
        writer.close()


async def read(reader):
    async with asyncio.timeout(3):
        head = await reader.readexactly(12)
        body = await reader.readexactly(int.from_bytes(head[:4], "big") - 12)
    return int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big"), body


@pytest.mark.parametrize(("version", "octets"), [(0x20, 1), (0x21, 1), (0x30, 4)])
def test_it_proves_itself_in_the_form_of_the_version(version, octets):
    async def main():
        async with operator() as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            octets_sent, proof = connect(version)
            writer.write(octets_sent)
            command, sequence, body = await read(reader)
            wanted = hashlib.md5(bytes(octets) + proof + b"1234").digest()
            assert (command, sequence) == (0x80000001, 1)
            assert body == bytes(octets) + wanted + b"\x30"
            writer.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("changes", "plan", "status"),
    [
        ({"secret": "4321"}, {}, 3),
        ({"source": "999999"}, {}, 2),
        ({"version": 0x30}, {"version_max": 0x20}, 4),
    ],
)
def test_whom_it_does_not_let_in(changes, plan, status):
    async def main():
        async with operator(**plan) as (simulated, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(connect(**{"version": 0x20} | changes)[0])
            _, _, body = await read(reader)
            assert int.from_bytes(body[:-17], "big") == status
            assert body[-17:-1] == bytes(16)
            assert await reader.read() == b""
            assert simulated.logins == 0
            writer.close()

    asyncio.run(main())


def test_nothing_is_taken_before_the_login():
    async def main():
        async with operator() as (simulated, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(submit_v2(1, "票"))
            assert await reader.read() == b""
            assert simulated.submits == []
            writer.close()

    asyncio.run(main())


def test_a_message_is_answered_delivered_and_reported_in_octets():
    async def main():
        async with dialled() as (simulated, reader, writer):
            writer.write(submit_v2(7, "凭证入园"))
            command, sequence, body = await read(reader)
            assert (command, sequence, len(body), body[8]) == (0x80000004, 7, 9, 0)
            msg_id = body[:8]
            command, sequence, report = await read(reader)
            assert (command, len(report)) == (0x5, 73 + 60)
            assert report[63] == 1  # Registered_Delivery
            assert report[64] == 60
            content = report[65:125]
            assert content[:15] == msg_id + b"DELIVRD"
            assert content[35:56] == NUMBER.encode().ljust(21, b"\0")
            writer.write(packet(0x80000005, sequence, msg_id + b"\0"))
            await until(lambda: simulated.reports_acknowledged == 1)
            assert simulated.inbox(NUMBER) == ["凭证入园"]

    asyncio.run(main())


@pytest.mark.parametrize(
    "headers",
    [
        [bytes((5, 0, 3, 9, 2, 1)), bytes((5, 0, 3, 9, 2, 2))],
        [bytes((6, 8, 4, 1, 9, 2, 1)), bytes((6, 8, 4, 1, 9, 2, 2))],
    ],
)
def test_parts_are_joined_on_the_telephone_in_any_order(headers):
    async def main():
        async with dialled() as (simulated, reader, writer):
            writer.write(submit_v2(1, "后半", header=headers[1]))
            await read(reader)
            await asyncio.sleep(0.05)
            assert simulated.inbox(NUMBER) == []
            writer.write(submit_v2(2, "前半", header=headers[0]))
            await simulated.phones.wait_for(NUMBER, 1)
            assert simulated.inbox(NUMBER) == ["前半后半"]

    asyncio.run(main())


def test_tests_and_goodbyes_are_answered():
    async def main():
        async with dialled() as (_, reader, writer):
            writer.write(packet(0x8, 5))
            assert await read(reader) == (0x80000008, 5, b"\0")
            writer.write(packet(0x2, 6))
            assert await read(reader) == (0x80000002, 6, b"")
            assert await reader.read() == b""

    asyncio.run(main())


def test_a_report_outlives_the_connection():
    async def main():
        async with operator(delay_s=0.2) as (simulated, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(connect(0x20)[0] + submit_v2(2, "票"))
            await read(reader)
            await read(reader)
            writer.close()
            await simulated.phones.wait_for(NUMBER, 1)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(connect(0x20)[0])
            await read(reader)
            assert (await read(reader))[0] == 0x5
            writer.close()

    asyncio.run(main())


def test_a_planned_fault_is_used_up():
    async def main():
        async with dialled() as (simulated, reader, writer):
            simulated.plan.faults.append(Fault.FLOW)
            for sequence in (1, 2):
                writer.write(submit_v2(sequence, "票"))
            assert (await read(reader))[2] == bytes(8) + b"\x08"
            assert (await read(reader))[2][8] == 0

    asyncio.run(main())
