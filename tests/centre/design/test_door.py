"""The door between pages and services: answers, errors, time-outs, a closed door."""

import asyncio
import threading

import pytest

from menpiao.centre.design import door


class Clockwork:
    async def tick(self):
        await asyncio.sleep(0)
        return 7

    async def fail(self):
        raise LookupError("no")

    async def hang(self):
        await asyncio.sleep(60)


@pytest.fixture
def bound():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    door.bind(loop, {Clockwork: Clockwork()})
    yield
    door.unbind()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.usefixtures("bound")
def test_an_answer_and_an_error_come_through():
    clockwork = door.service(Clockwork)
    assert door.call(clockwork.tick()) == 7
    with pytest.raises(LookupError):
        door.call(clockwork.fail())


@pytest.mark.usefixtures("bound")
def test_nobody_waits_for_ever():
    with pytest.raises(door.UnavailableError):
        door.call(door.service(Clockwork).hang(), timeout_s=0.05)


@pytest.mark.usefixtures("bound")
def test_a_service_that_is_elsewhere_is_said_so():
    with pytest.raises(door.UnavailableError):
        door.service(dict)


def test_a_closed_door_is_said_so():
    with pytest.raises(door.UnavailableError):
        door.service(Clockwork)
    with pytest.raises(door.UnavailableError):
        door.call(Clockwork().tick())
