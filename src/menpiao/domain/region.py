"""Where a resident number was first registered: region codes, provinces, and their places on a map.

A number's first six digits are the region code of the **first registration**, not the residence.
Codes are never recycled by law of the table: abolished ones are kept, because people carry them.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from menpiao.domain._region_table import PACKED


@dataclass(frozen=True, slots=True)
class Region:
    """One code. ``name`` and ``prefecture`` are empty where the standard names no real place.

    ``province`` is that of the code, ``current_province`` that in which the place lies today (two
    digits each). Years are those in which the code was in force, None where not recorded.
    """

    code: str
    name: str
    prefecture: str
    province: str
    current_province: str
    current: bool
    first_year: int | None
    last_year: int | None


@dataclass(frozen=True, slots=True)
class Province:
    """One of the 34 units; ``code`` is its two digits. Names are the short ones."""

    code: str
    zh: str
    en: str
    tile: tuple[int, int]
    """(column, row) in the tile map, from the north-west; no boundary is drawn."""


PROVINCES: Final[dict[str, Province]] = {
    code: Province(code, zh, en, (column, row))
    for code, zh, en, column, row in (
        ("11", "北京", "Beijing", 6, 1),
        ("12", "天津", "Tianjin", 7, 2),
        ("13", "河北", "Hebei", 6, 2),
        ("14", "山西", "Shanxi", 5, 2),
        ("15", "内蒙古", "Inner Mongolia", 5, 1),
        ("21", "辽宁", "Liaoning", 8, 2),
        ("22", "吉林", "Jilin", 8, 1),
        ("23", "黑龙江", "Heilongjiang", 8, 0),
        ("31", "上海", "Shanghai", 8, 3),
        ("32", "江苏", "Jiangsu", 7, 3),
        ("33", "浙江", "Zhejiang", 7, 4),
        ("34", "安徽", "Anhui", 6, 4),
        ("35", "福建", "Fujian", 7, 5),
        ("36", "江西", "Jiangxi", 6, 5),
        ("37", "山东", "Shandong", 6, 3),
        ("41", "河南", "Henan", 5, 3),
        ("42", "湖北", "Hubei", 5, 4),
        ("43", "湖南", "Hunan", 5, 5),
        ("44", "广东", "Guangdong", 5, 6),
        ("45", "广西", "Guangxi", 4, 5),
        ("46", "海南", "Hainan", 4, 7),
        ("50", "重庆", "Chongqing", 4, 3),
        ("51", "四川", "Sichuan", 3, 3),
        ("52", "贵州", "Guizhou", 4, 4),
        ("53", "云南", "Yunnan", 3, 4),
        ("54", "西藏", "Xizang", 1, 3),
        ("61", "陕西", "Shaanxi", 4, 2),
        ("62", "甘肃", "Gansu", 2, 2),
        ("63", "青海", "Qinghai", 2, 3),
        ("64", "宁夏", "Ningxia", 3, 2),
        ("65", "新疆", "Xinjiang", 1, 2),
        ("71", "台湾", "Taiwan", 8, 6),
        ("81", "香港", "Hong Kong", 6, 6),
        ("82", "澳门", "Macao", 5, 7),
    )
}

PROVINCE_TILES: Final[dict[str, tuple[int, int]]] = {
    code: province.tile for code, province in PROVINCES.items()
}
"""Province code to (column, row); 34 different cells."""

# Residence permits of Taiwan residents begin with 83; the province is 71.
_PROVINCE_ALIASES: Final = {"83": "71"}


@cache
def _packed() -> dict[str, tuple[str, str]]:
    """Code to (group head, entry), both still packed: unpacking 7000 codes at start is waste."""
    table: dict[str, tuple[str, str]] = {}
    for line in PACKED.splitlines():
        for group in line.split(";"):
            head, *entries = group.split("|")
            prefix = head[:4]
            for entry in entries:
                table[prefix + entry[:2]] = (head, entry)
    return table


@lru_cache(maxsize=8192)
def find_region(code: str) -> Region | None:
    """The region of a six-digit code, current or abolished; None when no source knows it."""
    found = _packed().get(code)
    return None if found is None else _unpack(code, *found)


def is_known_region(code: str) -> bool:
    """True when the code is in the table. A False is never a reason to refuse a number."""
    return code in _packed()


def all_regions() -> list[Region]:
    """Every code in the table, in order of code (provinces and prefectures among them)."""
    return [_unpack(code, *found) for code, found in sorted(_packed().items())]


def province_of(code: str) -> Province | None:
    """Today's province of a six-digit code: exact code, else first two digits, else None.

    Four digits are never tried: most prefectures of abolished codes no longer exist.
    """
    region = find_region(code)
    first = region.current_province if region else code[:2]
    return PROVINCES.get(_PROVINCE_ALIASES.get(first, first))


def _unpack(code: str, head: str, entry: str) -> Region:
    _, current_province, prefecture = head.split(" ")
    text, years = entry[2:], ("", "")
    if "~" in text:
        left, _, last = text.rpartition("~")
        name = left.rstrip("0123456789")
        text, years = name, (left[len(name) :], last)
    abolished = text.startswith("-")
    return Region(
        code=code,
        name=text[1:] if abolished else text,
        prefecture=prefecture,
        province=code[:2],
        current_province=current_province,
        current=not abolished,
        first_year=int(years[0]) if years[0] else None,
        last_year=int(years[1]) if years[1] else None,
    )
