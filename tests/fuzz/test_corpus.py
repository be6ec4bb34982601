"""Every byte parser on the kept corpus and on bounded chance around it, the same each time."""

import random
from pathlib import Path

import pytest
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
RUNS = 400


def seeds(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def test_every_target_has_a_corpus() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(seeds(name) for name in TARGETS)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_kept_corpus(name: str) -> None:
    for data in seeds(name):
        TARGETS[name](data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_chance_around_the_corpus(name: str) -> None:
    chance = random.Random(name)
    kept = seeds(name)
    for _ in range(RUNS):
        TARGETS[name](changed(chance, kept))


def changed(chance: random.Random, kept: list[bytes]) -> bytes:
    """A kept input with some bytes changed, cut out, doubled or joined with another."""
    data = bytearray(chance.choice(kept))
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        match chance.randrange(5):
            case 0:
                data[at : at + 1] = bytes((chance.randrange(256),))
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case 2:
                data[at:at] = data[max(0, at - chance.randint(1, 16)) : at]
            case 3:
                data[at:at] = chance.choice(kept)[:64]
            case _:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(data)
