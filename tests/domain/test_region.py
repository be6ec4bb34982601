"""The region table: complete, merged, and quick."""

import subprocess
import sys
import time

import pytest

from menpiao.domain.country import all_countries, country_of_code, country_of_numeric
from menpiao.domain.region import (
    PROVINCE_TILES,
    PROVINCES,
    Region,
    all_regions,
    find_region,
    is_known_region,
    province_of,
)

COUNTYLESS = {"441900", "442000", "460400", "620200"}
COUNTIES = [region for region in all_regions() if not region.code.endswith("00")]


def coded(*prefixes: str) -> list[Region]:
    return [region for region in COUNTIES if region.code.startswith(prefixes)]


def test_the_counts_of_both_sources():
    assert sum(region.current for region in COUNTIES) == 2849
    assert sum(not region.current for region in COUNTIES) == 3768
    assert len(PROVINCES) == 34
    assert sum(r.current and r.code.endswith("0000") for r in all_regions()) == 34
    prefectures = [r for r in all_regions() if r.code.endswith("00") and r.code[2:4] != "00"]
    assert sum(region.current for region in prefectures) == 342


def test_every_code_has_a_province_of_today():
    assert {region.current_province for region in all_regions()} == set(PROVINCES)
    assert all(region.code[:2] == region.province for region in all_regions())
    moved = [r for r in COUNTIES if r.current and r.current_province != r.province]
    assert moved == []


def test_cities_without_counties_are_current():
    for code in COUNTYLESS:
        region = find_region(code)
        assert region is not None
        assert region.current
        assert region.name == region.prefecture


@pytest.mark.parametrize(
    ("prefixes", "count", "province"),
    [(("5102", "5123"), 40, "50"), (("4421", "4422"), 30, "46")],
)
def test_what_went_to_chongqing_and_hainan(prefixes, count, province):
    assert len(coded(*prefixes)) == count
    assert {region.current_province for region in coded(*prefixes)} == {province}


@pytest.mark.parametrize(
    ("code", "province"),
    [
        ("441000", "46"),
        ("449003", "46"),
        ("441100", "46"),
        ("441001", "44"),
        ("441002", "44"),
        ("441005", "44"),
        ("449004", "44"),
        ("830000", "71"),
        ("839999", "71"),
        ("119999", "11"),
        ("990000", None),
        ("", None),
    ],
)
def test_todays_province(code, province):
    found = province_of(code)
    assert (found.code if found else None) == province


def test_words_that_are_no_places_are_not_shown():
    names = {region.name for region in all_regions()} | {r.prefecture for r in all_regions()}
    assert not names & {"市辖区", "县", "市", "市区"}
    assert not [name for name in names if "直辖" in name]
    assert all(name == "" or not name.isascii() for name in names)


def test_a_row_in_full():
    assert find_region("110103") == Region(
        code="110103",
        name="崇文区",
        prefecture="北京市",
        province="11",
        current_province="11",
        current=False,
        first_year=None,
        last_year=2009,
    )
    tianjin = find_region("120119")
    assert tianjin is not None
    assert (tianjin.first_year, tianjin.last_year, tianjin.current) == (2016, None, True)


def test_an_unknown_code_is_unknown():
    assert find_region("119999") is None
    assert not is_known_region("119999")
    assert is_known_region("110105")


def test_years_are_years():
    for region in all_regions():
        for year in (region.first_year, region.last_year):
            assert year is None or 1900 < year < 2030, region
        assert not region.current or region.last_year is None


def test_tiles_are_34_different_cells_of_a_small_grid():
    assert set(PROVINCE_TILES) == set(PROVINCES)
    assert len(set(PROVINCE_TILES.values())) == 34
    assert all(0 <= column <= 8 and 0 <= row <= 7 for column, row in PROVINCE_TILES.values())


def test_neighbours_on_the_tile_map_stand_in_the_right_direction():
    def column(code: str) -> int:
        return PROVINCE_TILES[code][0]

    def row(code: str) -> int:
        return PROVINCE_TILES[code][1]

    assert row("23") < row("22") < row("21")
    assert row("13") < row("41") < row("42") < row("43") < row("44") < row("46")
    assert column("65") < column("62") < column("61") < column("37")
    assert column("54") < column("51") < column("42") < column("34") < column("32") < column("31")
    assert column("71") > column("35")


def test_provinces_have_short_names_in_both_languages():
    assert (PROVINCES["11"].zh, PROVINCES["11"].en) == ("北京", "Beijing")
    assert {p.zh for p in PROVINCES.values() if len(p.zh) > 2} == {"内蒙古", "黑龙江"}
    assert len({p.en for p in PROVINCES.values()}) == 34


def test_loading_takes_less_than_50_ms_and_a_lookup_next_to_nothing():
    script = (
        "import time; a = time.perf_counter()\n"
        "from menpiao.domain.region import find_region; find_region('110105')\n"
        "print(time.perf_counter() - a)"
    )
    command = [sys.executable, "-c", script]
    runs = [
        float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        for _ in range(3)
    ]
    assert min(runs) < 0.05
    codes = [region.code for region in COUNTIES]
    for code in codes:
        find_region(code)
    started = time.perf_counter()
    for code in codes:
        find_region(code)
    assert (time.perf_counter() - started) / len(codes) < 5e-6


@pytest.mark.parametrize(
    ("code", "number", "zh"),
    [("CAN", "124", "加拿大"), ("SAU", "682", "沙特阿拉伯"), ("CHN", "156", "中国")],
)
def test_countries_by_letters_and_by_number(code, number, zh):
    country = country_of_code(code)
    assert country is not None
    assert country == country_of_numeric(number)
    assert country.zh == zh


def test_countries_are_named_once():
    countries = all_countries()
    assert len(countries) > 249
    assert len({c.code for c in countries}) == len({c.zh for c in countries}) == len(countries)
    assert all(c.zh and c.en for c in countries)
    assert country_of_code("ZZZ") is None
    assert country_of_numeric("999") is None
