"""The map page, the folders and the packages' docstrings say the same, numeral by numeral."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src/menpiao"
PAGE = ROOT / "docs/architecture.md"

NUMERALS = {
    *("1", "101", "102", "2", "3", "301", "302", "303", "304", "305"),
    *("4", "5", "6", "8", "701", "702", "703", "704", "705", "706", "707", "9", "10"),
}
ROW = re.compile(r"^\| `([\w/.]+)` \| ([\d, ]*)\| ([^|]*)\| ([^|]+)\|$", re.MULTILINE)
CLAIM = re.compile(r"\(([^()]+)\), patent parts? (\d+(?:(?:, | and )\d+)*)\b")
# Shapes that Django or the tools prescribe; nobody looks for them on a map.
UNMAPPED = {"migrations", "management", "templatetags", "__pycache__"}

MAP = {row[0]: row[1:] for row in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def first_line(place: str) -> str:
    path = PACKAGE / place
    path = path if path.suffix == ".py" else path / "__init__.py"
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def folders() -> set[str]:
    found = {path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("__init__.py")}
    return {str(folder) for folder in found if folder.parts and not UNMAPPED & set(folder.parts)}


def claims() -> dict[str, tuple[str, list[str]]]:
    """Who claims which numerals: place -> (Chinese name, numerals), read from every docstring."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        place = path.parent if path.name == "__init__.py" else path
        name = str(place.relative_to(PACKAGE))
        claim = CLAIM.search(first_line(name))
        if claim:
            found[name] = (claim[1], re.findall(r"\d+", claim[2]))
    return found


def test_every_folder_is_on_the_map() -> None:
    missing = folders() - set(MAP)
    assert not missing, f"add one line each to the map in docs/architecture.md: {sorted(missing)}"


def test_everything_on_the_map_is_there() -> None:
    assert len(MAP) > len(NUMERALS)
    gone = {place for place in MAP if not (PACKAGE / place).exists()}
    # The command is the last thing to come into being and the first thing people look for.
    assert gone <= {"__main__.py"}


def test_every_numeral_is_claimed_exactly_once() -> None:
    claimed = Counter(numeral for _, numerals in claims().values() for numeral in numerals)
    assert claimed == Counter(NUMERALS)


@pytest.mark.parametrize("place", sorted(MAP))
def test_map_and_docstring_agree(place: str) -> None:
    numerals, chinese, _ = MAP[place]
    name, claimed = claims().get(place, ("", []))
    assert re.findall(r"\d+", numerals) == claimed
    if claimed:
        assert chinese.strip() == name
    elif chinese.strip():
        assert f"({chinese.strip()})" in first_line(place)
