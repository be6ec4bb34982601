"""Answers that arrive broken, refused requests, wrong answers (T2, T3, T4, T9, T22)."""

import asyncio

import pytest
from tests.terminals.parts.reader.lane import FAST, a_lane, card_of

from menpiao.simulation import cards
from menpiao.simulation.cards import HMT, RESIDENT, SimulatedCard, build_text
from menpiao.simulation.mishaps import HEART_BEAT, Mishap
from menpiao.simulation.safe_module import Op, read_payload
from menpiao.terminals.parts.reader.frame import encode_response
from menpiao.terminals.parts.reader.sam_v import Options


@pytest.mark.parametrize("op", [Op.FIND, Op.SELECT, Op.READ])
@pytest.mark.parametrize("position", [0, 5, 6, 9, -1])
def test_one_flipped_bit_repeats_the_request(op: Op, position: int) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(flip_at=position), on=op)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.faults == []

    asyncio.run(main())


def test_a_flipped_bit_in_the_text_never_becomes_a_card() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(flip_at=14 + 122), on=Op.READ, times=2)
            sim.lay(RESIDENT)
            await lane.until(lambda: lane.unreadable == ["transmission"])
            sim.lay(HMT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(HMT)]

    asyncio.run(main())


@pytest.mark.parametrize("status", [0x10, 0x11])
def test_a_request_the_module_found_damaged_is_sent_again(status: int) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(status=status), on=Op.READ)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.faults == []
            assert lane.unreadable == []

    asyncio.run(main())


def test_a_request_found_damaged_twice_resets_the_link() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(status=0x11), on=Op.READ, times=2)
            sim.lay(RESIDENT)
            await lane.until(lambda: lane.faults == ["link"])
            await lane.until_cards(1)
            assert lane.ready == 2

    asyncio.run(main())


@pytest.mark.parametrize("length", [8, 0x0908, 0x0505, 0x0000, 0xFFFF])
def test_a_wrong_length(length: int) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(length=length), on=Op.READ)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]

    asyncio.run(main())


def test_frames_inside_the_photo_of_a_broken_answer_are_no_card() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            photo = encode_response(0x90).ljust(1024, b"\xaa")
            sim.spoil(Mishap(flip_at=6), on=Op.READ)
            sim.lay(SimulatedCard(RESIDENT.text, photo=photo))
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]

    asyncio.run(main())


@pytest.mark.parametrize("position", [3, 6, 8, 12, 100, 200, 1290])
def test_a_heart_beat_in_the_middle_of_the_card(position: int) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(insert=HEART_BEAT, insert_at=position), on=Op.READ, times=2)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.faults == []

    asyncio.run(main())


def test_a_shifted_text_that_passes_the_checksum_is_read_again() -> None:
    shifted = SimulatedCard(RESIDENT.text[:60] + HEART_BEAT + RESIDENT.text[60:-4])

    async def main() -> None:
        async with a_lane() as (sim, lane):
            raw = encode_response(0x90, read_payload(shifted))
            sim.spoil(Mishap(raw=raw), on=Op.READ)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.unreadable == []

    asyncio.run(main())


def test_a_fingerprint_answer_that_nobody_asked_for() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            card = SimulatedCard(RESIDENT.text, fingerprint=bytes(1024))
            raw = encode_response(0x90, read_payload(card, fingerprint=True))
            assert len(raw) == 2321
            sim.spoil(Mishap(raw=raw), on=Op.READ)
            sim.lay(card)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]

    asyncio.run(main())


def test_payload_lengths_that_do_not_add_up() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            raw = encode_response(0x90, read_payload(RESIDENT)[:-8])
            sim.spoil(Mishap(raw=raw), on=Op.READ, times=None)
            sim.lay(RESIDENT)
            await lane.until(lambda: lane.unreadable == ["content"])
            assert lane.cards == []

    asyncio.run(main())


def test_a_number_that_the_house_refuses_is_read_twice_and_then_given_up() -> None:
    async def main() -> None:
        options = Options(timings=FAST, plausible=lambda card: card.kind != "resident")
        async with a_lane(options=options) as (sim, lane):
            sim.lay(RESIDENT)
            await lane.until(lambda: lane.unreadable == ["content"])
            assert sim.module.requests.count(Op.READ) >= 2
            sim.lay(HMT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(HMT)]

    asyncio.run(main())


def test_a_chip_without_a_number() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.lay(SimulatedCard(build_text("resident", name="李样例")))
            await lane.until(lambda: lane.unreadable == ["content"])
            sim.lay(SimulatedCard(bytes(256)))
            await asyncio.sleep(0.1)
            sim.lay(cards.FOREIGNER_2023)
            await lane.until_cards(1)

    asyncio.run(main())
