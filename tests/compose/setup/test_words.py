"""What is said is said in both languages, of the same things, and every text is used."""

import re
import string
from pathlib import Path

import pytest

from menpiao.compose.setup import words
from menpiao.compose.setup.words import WORDS, language_of
from menpiao.terminals.parts.barrier.base import FaultCode as BarrierFault
from menpiao.terminals.parts.printer import escpos, status
from menpiao.terminals.parts.reader.base import FaultCode as ReaderFault
from menpiao.terminals.ports.base import PortTrouble

SOURCES = "".join(
    path.read_text() for path in Path(words.__file__).parent.glob("*.py") if path.name != "words.py"
)
MADE = ("part_", "sure_", "address_", "direction_", "closed_", "how_")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_speak_of_the_same(key: str) -> None:
    zh, en = WORDS[key]
    assert zh
    assert en
    # A make of board has a title in each language.
    assert fields(zh) - {"zh"} == fields(en) - {"en"}


def test_every_trouble_of_a_device_can_be_said_and_no_text_is_left_over() -> None:
    printers = "".join(path.read_text() for path in Path(escpos.__file__).parent.glob("*.py"))
    codes = set(re.findall(r'(?:failed|PrinterUnreachable)\("(\w+)"\)', printers))
    codes |= {code for troubles in status._TROUBLES.values() for _, code in troubles}
    codes |= {code.value for code in (*ReaderFault, *BarrierFault, *PortTrouble)}
    assert codes <= set(WORDS)
    unused = {key for key in WORDS if not re.search(rf"""["']{key}["']""", SOURCES)}
    assert {key for key in unused if not key.startswith(MADE)} <= codes


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "TERM": "linux"}, "en"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({}, "zh"),
    ],
)
def test_the_language_is_that_of_the_terminal(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language
