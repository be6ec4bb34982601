"""The demo's year of history: the same from the same seed, and shaped like a park's."""

from collections import Counter
from datetime import date

from menpiao.domain.document import AGE_BANDS
from menpiao.domain.region import PROVINCES
from menpiao.simulation.demo import history

GATES = ([1, 2, 3], [4])
SATURDAY, TUESDAY = date(2026, 6, 13), date(2026, 6, 16)


def made(day, until=history.STRETCHES, seed=history.SEED):
    return history.make_day(seed, day, *GATES, until)


def test_the_same_seed_makes_the_same_day_and_another_seed_another():
    assert made(SATURDAY) == made(SATURDAY)
    assert made(SATURDAY) != made(SATURDAY, seed=1)
    assert made(SATURDAY) != made(TUESDAY)


def test_a_day_in_progress_is_the_beginning_of_the_whole_day():
    until = 120
    begun = made(SATURDAY, until).stretches
    assert begun
    assert begun == [row for row in made(SATURDAY).stretches if row[0] < until]


def test_never_more_people_leave_than_have_come_and_at_night_everybody_is_gone():
    for day in history.days_before(date(2026, 11, 25), 60):
        inside = 0
        by_stretch = Counter()
        for number, _, entries, exits, refused in made(day).stretches:
            by_stretch[number] += entries - exits
            assert min(entries, exits, refused) >= 0
        for number in sorted(by_stretch):
            inside += by_stretch[number]
            assert inside >= 0, (day, number)
        assert inside == 0, day


def test_people_are_described_once_each_in_words_the_statistics_know():
    day = made(SATURDAY)
    entries = sum(row[2] for row in day.stretches)
    people = sum(row[4] for row in day.visitors)
    assert 0.8 * entries < people <= entries
    assert {row[0] for row in day.visitors} <= {*PROVINCES, ""}
    assert {row[2] for row in day.visitors} <= {band.code for band in AGE_BANDS}
    assert len({row[:4] for row in day.visitors}) == len(day.visitors)


def test_the_year_has_its_seasons_and_national_day_is_its_height():
    def mean(month):
        days = [date(2026, month, n) for n in range(8, 29)]
        return sum(history.visitors_of_day(history.SEED, day) for day in days) / len(days)

    assert mean(1) < mean(6) < mean(8)
    days = history.days_before(date(2026, 12, 31))
    fullest = max(days, key=lambda day: history.visitors_of_day(history.SEED, day))
    assert (fullest.month, fullest.day) in {(10, n) for n in range(1, 8)} | {(2, 18), (2, 19)} | {
        (2, 20)
    }


def test_the_morning_is_the_busiest_time():
    by_hour = Counter()
    for number, _, entries, _, _ in made(SATURDAY).stretches:
        by_hour[number // 12] += entries
    assert by_hour.most_common(1)[0][0] in {8, 9, 10}
