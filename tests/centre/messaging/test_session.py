"""The connection core alone, against a peer that is played octet by octet."""

import asyncio
import contextlib

import pytest
from tests.centre.messaging.cmpp_lane import until

from menpiao.centre.messaging.cmpp.codec import decode, encode
from menpiao.centre.messaging.cmpp.dialect import CmppDialect
from menpiao.centre.messaging.cmpp.packets import (
    ActiveTest,
    ActiveTestAnswer,
    Deliver,
    DeliverAnswer,
    Other,
    Submit,
    SubmitAnswer,
    Terminate,
    TerminateAnswer,
    Version,
)
from menpiao.centre.messaging.session import (
    NoAnswerError,
    NotSentError,
    Numbers,
    Session,
    Timers,
)

V = Version.V30
DELIVER = Deliver(msg_id=9, destination="106", source="138", content=b"")


def submit(number):
    return Submit(destinations=(str(number),), content=b"", msg_src="", src_id="")


class Peer:
    """The other end: reads and writes packets, nothing by itself."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def read(self):
        async with asyncio.timeout(3):
            head = await self.reader.readexactly(4)
            rest = await self.reader.readexactly(int.from_bytes(head, "big") - 4)
        return decode(head + rest, V)

    def write(self, packet, sequence):
        self.writer.write(encode(packet, sequence, V))

    async def nothing_comes(self, wait_s=0.1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.reader.readexactly(1)


@contextlib.asynccontextmanager
async def connected(handler=None, **timers):
    """A running session and its peer."""
    arrived = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda r, w: arrived.set_result(Peer(r, w)), "127.0.0.1", 0)
    streams = await asyncio.open_connection(*server.sockets[0].getsockname())
    late = []

    async def quiet(packet):
        return DeliverAnswer(msg_id=packet.msg_id) if isinstance(packet, Deliver) else None

    async def on_late(tag, packet):
        late.append((tag, packet))

    timers = {"silence_s": 60, "answer_s": 5} | timers
    session = Session(*streams, CmppDialect(V), handler or quiet, on_late, Timers(**timers))
    serving = asyncio.create_task(session.run())
    peer = await arrived
    try:
        yield session, peer, serving, late
    finally:
        peer.writer.close()
        await asyncio.wait_for(serving, 5)
        server.close()


async def outcome(task):
    try:
        return await task
    except (NotSentError, NoAnswerError) as error:
        return type(error)


def test_no_more_than_the_window_is_unanswered_and_order_is_kept():
    async def main():
        async with connected(window=4) as (session, peer, _, _):
            tasks = [asyncio.create_task(session.request(submit(n))) for n in range(10)]
            first = [await peer.read() for _ in range(4)]
            await peer.nothing_comes()
            assert [p.destinations[0] for _, p in first] == ["0", "1", "2", "3"]
            # Answers in any order; each makes room for one more.
            peer.write(SubmitAnswer(msg_id=102, result=0), first[2][0])
            assert (await tasks[2]).msg_id == 102
            assert (await peer.read())[1].destinations == ("4",)
            await peer.nothing_comes()
            for sequence, _ in (first[0], first[1], first[3]):
                peer.write(SubmitAnswer(msg_id=1, result=0), sequence)
            assert [(await peer.read())[1].destinations[0] for _ in range(3)] == ["5", "6", "7"]
            for task in tasks:
                task.cancel()

    asyncio.run(main())


def test_a_full_window_never_delays_an_answer_to_the_gateway():
    async def main():
        async with connected(window=1) as (session, peer, _, _):
            tasks = [asyncio.create_task(session.request(submit(n))) for n in range(3)]
            sequence, _ = await peer.read()
            # The gateway counts in its own numbers: the same one is no answer.
            peer.write(DELIVER, sequence)
            assert await peer.read() == (sequence, DeliverAnswer(msg_id=9))
            peer.write(ActiveTest(), 77)
            assert await peer.read() == (77, ActiveTestAnswer())
            assert not tasks[0].done()
            for task in tasks:
                task.cancel()

    asyncio.run(main())


def test_a_slow_handler_does_not_delay_answers_to_our_requests():
    async def main():
        gate = asyncio.Event()

        async def slow(packet):
            await gate.wait()
            return DeliverAnswer(msg_id=packet.msg_id)

        async with connected(slow) as (session, peer, _, _):
            for number in range(5):
                peer.write(DELIVER, number)
            task = asyncio.create_task(session.request(submit(1)))
            sequence, _ = await peer.read()
            peer.write(SubmitAnswer(msg_id=5, result=0), sequence)
            assert (await task).msg_id == 5
            gate.set()
            assert [(await peer.read())[0] for _ in range(5)] == [0, 1, 2, 3, 4]

    asyncio.run(main())


def test_when_the_link_breaks_the_written_is_unknown_and_the_rest_is_not_sent():
    async def main():
        async with connected(window=2) as (session, peer, serving, _):
            tasks = [asyncio.create_task(session.request(submit(n))) for n in range(4)]
            await peer.read()
            await peer.read()
            peer.writer.transport.abort()
            found = [await outcome(task) for task in tasks]
            assert found == [NoAnswerError, NoAnswerError, NotSentError, NotSentError]
            await serving
            assert await outcome(asyncio.create_task(session.request(submit(9)))) is NotSentError

    asyncio.run(main())


def test_after_the_peers_goodbye_nothing_new_is_sent_but_answers_are_heard():
    async def main():
        async with connected(window=1) as (session, peer, serving, _):
            tasks = [asyncio.create_task(session.request(submit(n))) for n in range(2)]
            sequence, _ = await peer.read()
            peer.write(Terminate(), 5)
            assert await peer.read() == (5, TerminateAnswer())
            assert await outcome(tasks[1]) is NotSentError
            peer.write(SubmitAnswer(msg_id=3, result=0), sequence)
            assert (await tasks[0]).msg_id == 3
            assert await serving == "the peer said goodbye"

    asyncio.run(main())


def test_after_the_peers_goodbye_open_requests_run_into_their_time_limit():
    async def main():
        async with connected(answer_s=0.2) as (session, peer, serving, _):
            task = asyncio.create_task(session.request(submit(1)))
            await peer.read()
            peer.write(Terminate(), 5)
            assert await outcome(task) is NoAnswerError
            assert await serving == "the peer said goodbye"

    asyncio.run(main())


def test_closing_waits_for_open_answers_then_says_goodbye():
    async def main():
        async with connected() as (session, peer, serving, _):
            task = asyncio.create_task(session.request(submit(1)))
            sequence, _ = await peer.read()
            closing = asyncio.create_task(session.close())
            await peer.nothing_comes()
            peer.write(SubmitAnswer(msg_id=3, result=0), sequence)
            assert (await task).result == 0
            number, packet = await peer.read()
            assert packet == Terminate()
            peer.write(TerminateAnswer(), number)
            await closing
            assert await serving == "closed"

    asyncio.run(main())


def test_a_late_answer_is_handed_on_with_its_tag_and_frees_nothing_twice():
    async def main():
        async with connected(answer_s=0.1, window=1) as (session, peer, _, late):
            task = asyncio.create_task(session.request(submit(1), "row"))
            sequence, _ = await peer.read()
            assert await outcome(task) is NoAnswerError
            answer = SubmitAnswer(msg_id=3, result=0)
            peer.write(answer, sequence)
            peer.write(answer, sequence)
            await until(lambda: late)
            await asyncio.sleep(0.05)
            assert late == [("row", answer)]
            assert session.counters.stray == 1
            assert session.room == 1

    asyncio.run(main())


def test_a_stray_answer_and_one_of_another_kind_change_nothing():
    async def main():
        async with connected() as (session, peer, _, _):
            task = asyncio.create_task(session.request(submit(1)))
            sequence, _ = await peer.read()
            peer.write(SubmitAnswer(msg_id=1, result=0), sequence + 1)
            peer.write(DeliverAnswer(msg_id=1), sequence)
            await until(lambda: session.counters.stray == 2)
            assert not task.done()
            peer.write(SubmitAnswer(msg_id=2, result=0), sequence)
            assert (await task).msg_id == 2

    asyncio.run(main())


def test_a_command_that_is_not_spoken_is_not_answered_and_keeps_the_link():
    async def main():
        async with connected() as (_, peer, serving, _):
            peer.write(Other(9, b"abc"), 4)
            await peer.nothing_comes()
            peer.write(ActiveTest(), 5)
            assert await peer.read() == (5, ActiveTestAnswer())
            assert not serving.done()

    asyncio.run(main())


def test_a_caller_that_gives_up_before_its_turn_leaves_nothing_behind():
    async def main():
        async with connected(window=1) as (session, peer, _, _):
            first = asyncio.create_task(session.request(submit(1)))
            second = asyncio.create_task(session.request(submit(2)))
            third = asyncio.create_task(session.request(submit(3)))
            sequence, _ = await peer.read()
            second.cancel()
            peer.write(SubmitAnswer(msg_id=1, result=0), sequence)
            await first
            assert (await peer.read())[1].destinations == ("3",)
            third.cancel()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\0\0\0\x0b", "a frame of 11 octets"),
        (b"\0\x01\0\x01", "a frame of 65537 octets"),
        (b"HTTP/1.1 400", "a frame of 1213486160 octets"),
        (encode(DELIVER, 1, V)[:-1].replace(b"\0\0\0\x6d", b"\0\0\0\x6c", 1), "not a packet"),
        (b"\0\0", "the peer closed"),
    ],
)
def test_nonsense_ends_the_connection_with_a_reason(octets, reason):
    async def main():
        async with connected() as (_, peer, serving, _):
            peer.writer.write(octets)
            peer.writer.write_eof()
            assert reason in await serving

    asyncio.run(main())


def test_a_fault_of_our_own_ends_the_connection_not_the_process():
    async def main():
        async def broken(packet):
            raise ZeroDivisionError

        async with connected(broken) as (_, peer, serving, _):
            peer.write(DELIVER, 1)
            assert await serving == "fault: ZeroDivisionError"

    asyncio.run(main())


def test_numbers_go_round_and_leave_out_zero():
    numbers = Numbers(2, limit=4)
    assert [numbers.next() for _ in range(4)] == [3, 1, 2, 3]
