"""Sending over real TCP to the simulated operator, and every mishap on the way."""

import asyncio

import pytest
from tests.centre.messaging.cmpp_lane import (
    NUMBER,
    QUICK,
    Ear,
    account,
    lane,
    operator,
    running,
    until,
)

from menpiao.centre.messaging.channel import Delivery, Fate
from menpiao.centre.messaging.cmpp.channel import CmppChannel
from menpiao.centre.messaging.cmpp.packets import Version
from menpiao.centre.messaging.session import Timers
from menpiao.simulation.sms.operator import Fault

LONG = "【青岚山】" + "凭身份证入园，祝您游玩愉快。" * 12
VERSIONS = pytest.mark.parametrize("version", [Version.V20, Version.V30])


@VERSIONS
def test_a_message_arrives_and_its_report_comes_back(version):
    async def main():
        async with lane(version=version) as park:
            sent = await park.send("【青岚山】订单已确认")
            assert sent.fate is Fate.ACCEPTED
            await until(lambda: park.ear.receipts)
            (receipt,) = park.ear.receipts
            assert (receipt.ref,) == sent.refs
            assert (receipt.number, receipt.delivery) == (NUMBER, Delivery.DELIVERED)
            assert receipt.code == "DELIVRD"
            assert receipt.submitted_at is not None
            assert park.operator.inbox(NUMBER) == ["【青岚山】订单已确认"]
            await until(lambda: park.operator.reports_acknowledged == 1)

    asyncio.run(main())


@VERSIONS
def test_a_long_message_is_whole_on_the_telephone(version):
    async def main():
        async with lane(version=version) as park:
            sent = await park.send(LONG)
            assert sent.fate is Fate.ACCEPTED
            assert len(set(sent.refs)) == park.channel.parts(LONG) == len(park.operator.submits)
            await park.operator.phones.wait_for(NUMBER, 1)
            assert park.operator.inbox(NUMBER) == [LONG]
            assert park.operator.phones.inbox(NUMBER)[0].parts == len(sent.refs)
            numbers = [(s.pk_number, s.pk_total, s.tp_udhi) for s in park.operator.submits]
            assert numbers == [(n, len(sent.refs), 1) for n in range(1, len(sent.refs) + 1)]
            await until(lambda: len(park.ear.receipts) == len(sent.refs))

    asyncio.run(main())


def test_a_hundred_at_once_keep_to_the_window_and_all_arrive():
    async def main():
        async with lane() as park:
            sent = await asyncio.gather(*(park.send(f"第{n}条") for n in range(100)))
            assert {s.fate for s in sent} == {Fate.ACCEPTED}
            assert len({s.refs for s in sent}) == 100
            await park.operator.phones.wait_for(NUMBER, 100)
            await until(lambda: len(park.ear.receipts) == 100)

    asyncio.run(main())


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.ANSWER_LOST])
def test_silence_after_a_submit_is_unknown_and_nothing_is_repeated(fault):
    async def main():
        async with lane({}) as park:
            park.operator.plan.faults.append(fault)
            sent = await park.send()
            assert (sent.fate, sent.refs) == (Fate.UNKNOWN, ())
            await asyncio.sleep(3 * QUICK.answer_s)
            assert len(park.operator.submits) == 1
            assert len(park.ear.receipts) == (1 if fault is Fault.ANSWER_LOST else 0)
            assert (await park.send()).fate is Fate.ACCEPTED

    asyncio.run(main())


def test_a_late_answer_is_handed_on_with_its_row():
    async def main():
        async with lane({}) as park:
            park.operator.plan.faults.append(Fault.ANSWER_LATE)
            assert (await park.send()).fate is Fate.UNKNOWN
            await until(lambda: park.ear.lates)
            ((key, sent),) = park.ear.lates
            assert (key, sent.fate) == ((1, 7), Fate.ACCEPTED)
            await until(lambda: park.ear.receipts)
            assert sent.refs == (park.ear.receipts[0].ref,)

    asyncio.run(main())


def test_flow_control_says_later_and_slows_down():
    async def main():
        async with lane({}) as park:
            before = park.channel.state.rate
            park.operator.plan.faults.append(Fault.FLOW)
            sent = await park.send()
            assert (sent.fate, sent.error) == (Fate.LATER, "8 flow control")
            assert park.channel.state.rate < before
            assert park.operator.inbox(NUMBER) == []

    asyncio.run(main())


def test_a_throttled_part_of_a_long_message_follows_the_others():
    async def main():
        async with lane({}) as park:
            park.operator.plan.faults.extend([Fault.NONE, Fault.FLOW])
            sent = await park.send(LONG)
            assert sent.fate is Fate.ACCEPTED
            await park.operator.phones.wait_for(NUMBER, 1)
            assert park.operator.inbox(NUMBER) == [LONG]
            assert len(park.operator.submits) == len(sent.refs) + 1

    asyncio.run(main())


def test_a_refusal_is_final_and_keeps_its_number():
    async def main():
        async with lane({}) as park:
            park.operator.plan.faults.append(Fault.REFUSED)
            sent = await park.send()
            assert (sent.fate, sent.error) == (Fate.REFUSED, "13 Dest_terminal_Id")

    asyncio.run(main())


def test_one_refused_part_fails_the_message():
    async def main():
        async with lane({}) as park:
            park.operator.plan.faults.extend([Fault.NONE, Fault.REFUSED])
            sent = await park.send(LONG)
            assert sent.fate is Fate.REFUSED
            assert len(sent.refs) == len(park.operator.submits) - 1

    asyncio.run(main())


def test_a_link_that_breaks_after_the_submit_leaves_it_unknown_and_comes_back():
    async def main():
        async with lane({}) as park:
            park.operator.plan.faults.append(Fault.DROP)
            assert (await park.send()).fate is Fate.UNKNOWN
            await until(lambda: park.operator.logins == 2 and park.channel.state.connected)
            assert (await park.send()).fate is Fate.ACCEPTED
            assert len(park.operator.submits) == 2

    asyncio.run(main())


def test_a_report_may_overtake_its_answer():
    async def main():
        async with lane({}) as park:
            park.operator.plan.faults.append(Fault.REPORT_FIRST)
            park.operator.plan.delay_s = 0.1
            sending = asyncio.create_task(park.send())
            await until(lambda: park.ear.receipts)
            assert not sending.done()
            assert (await sending).refs == (park.ear.receipts[0].ref,)

    asyncio.run(main())


def test_a_report_may_come_twice():
    async def main():
        async with lane({}) as park:
            park.operator.plan.faults.append(Fault.REPORT_TWICE)
            await park.send()
            await until(lambda: len(park.ear.receipts) == 2)
            assert park.ear.receipts[0] == park.ear.receipts[1]

    asyncio.run(main())


def test_a_report_that_could_not_be_kept_is_not_answered_and_comes_again():
    async def main():
        async with lane({"answer_s": 0.2}) as park:
            park.ear.keeps = False
            await park.send()
            await asyncio.sleep(0.1)
            assert park.operator.reports_acknowledged == 0
            park.ear.keeps = True
            await until(lambda: park.ear.receipts)
            await until(lambda: park.operator.reports_acknowledged == 1)

    asyncio.run(main())


def test_a_negative_report_says_failed():
    async def main():
        async with lane({}) as park:
            park.operator.phones.unreachable.add(NUMBER)
            await park.send(number="+86" + NUMBER)
            await until(lambda: park.ear.receipts)
            assert park.ear.receipts[0].delivery is Delivery.FAILED
            assert park.ear.receipts[0].code == "UNDELIV"
            assert park.operator.inbox(NUMBER) == []

    asyncio.run(main())


def test_a_short_report_in_version_3_is_read():
    async def main():
        async with lane({"reports_short": True}) as park:
            sent = await park.send()
            await until(lambda: park.ear.receipts)
            assert (park.ear.receipts[0].ref, park.ear.receipts[0].number) == (*sent.refs, NUMBER)

    asyncio.run(main())


def test_a_message_from_a_telephone_is_acknowledged():
    async def main():
        async with lane() as park:
            park.operator.send_message(NUMBER, "TD")
            await until(lambda: park.operator.reports_acknowledged == 1)
            assert park.channel.incoming_messages == 1
            assert park.ear.receipts == []

    asyncio.run(main())


@pytest.mark.parametrize(("status", "text"), [(3, "3 authentication"), (2, "2 source address")])
def test_a_refused_login_is_told_and_tried_again_later(status, text):
    async def main():
        async with operator() as (simulated, port):
            simulated.plan.refuse_logins.append(status)
            channel = CmppChannel(account(port))
            async with running(channel, Ear()):
                await until(lambda: channel.state.last_error)
                assert text in channel.state.last_error
                assert channel.state.room == 0
                await until(lambda: channel.state.connected)
                assert channel.state.last_error == ""

    asyncio.run(main())


def test_a_wrong_secret_never_gets_in():
    async def main():
        async with operator() as (simulated, port):
            channel = CmppChannel(account(port, secret="wrong"))
            async with running(channel, Ear()):
                await until(lambda: "authentication" in channel.state.last_error)
                await asyncio.sleep(0.2)
                assert not channel.state.connected
                assert simulated.logins == 0

    asyncio.run(main())


def test_a_gateway_that_speaks_version_2_alone_is_spoken_to_in_version_2():
    async def main():
        async with lane({"version_max": Version.V20}) as park:
            await park.send(LONG)
            await park.operator.phones.wait_for(NUMBER, 1)
            assert park.operator.inbox(NUMBER) == [LONG]

    asyncio.run(main())


def test_a_silent_link_is_tested_and_a_dead_one_dropped():
    async def main():
        timers = Timers(silence_s=0.1, answer_s=0.1, tests=2)
        async with lane({}, timers=timers) as park:
            await until(lambda: park.operator.tests_answered >= 2)
            assert park.channel.state.connected
            park.operator.plan.deaf = True
            await until(lambda: park.operator.logins >= 2)

    asyncio.run(main())


def test_after_the_gateways_goodbye_the_link_comes_back():
    async def main():
        async with lane() as park:
            park.operator.say_goodbye()
            await until(lambda: park.operator.logins == 2 and park.channel.state.connected)
            assert (await park.send()).fate is Fate.ACCEPTED

    asyncio.run(main())


def test_without_a_connection_a_message_is_for_later():
    async def main():
        async with operator() as (_, port):
            pass
        channel = CmppChannel(account(port))
        async with running(channel, Ear()):
            await until(lambda: channel.state.last_error)
            from menpiao.centre.messaging.channel import Message

            sent = await channel.send(Message((1, 1), NUMBER, "票"))
            assert (sent.fate, sent.error) == (Fate.LATER, "not connected")

    asyncio.run(main())


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x0b\0\0\0\x01\0\0\0\x01",
        b"\xff" * 64,
        b"\0\0\0\x0c\0\0\0\x05\0\0\0\x01",
        bytes(64),
    ],
)
def test_a_gateway_that_answers_nonsense_costs_the_link_only(nonsense):
    async def main():
        connections = 0

        async def serve(reader, writer):
            nonlocal connections
            connections += 1
            writer.write(nonsense)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        channel = CmppChannel(account(server.sockets[0].getsockname()[1]))
        async with running(channel, Ear()):
            await until(lambda: connections >= 3)
            assert not channel.state.connected
        server.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "nonsense", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x05\0", b"\xff" * 64, bytes(64), b"\0"]
)
def test_a_provider_that_sends_nonsense_costs_the_operator_one_link(nonsense):
    async def main():
        async with lane({}) as park:
            reader, writer = await asyncio.open_connection("127.0.0.1", park.port)
            writer.write(nonsense)
            writer.write_eof()
            async with asyncio.timeout(2):
                assert await reader.read() == b""
            writer.close()
            assert (await park.send()).fate is Fate.ACCEPTED

    asyncio.run(main())
