"""Documents that are not let in: put on the list in the console, obeyed at a lane, lifted."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from tests.centre.console.desk import errors, row, rows, token
from tests.support_clock import site_today
from tests.support_db import person

LIST = "/console/console/barred/"
PASSPORT = "E12345678"


def bar(park, client, who, /, **changes):
    site = row(park, "SELECT id FROM site")["id"]
    sent = {"site": site, "document_type": "resident_card", "number": who, "reason": "倒票"}
    return client.post(f"{LIST}add/", data=token(client, f"{LIST}add/") | sent | changes)


def lift(client, entry, reason="误登记"):
    address = f"{LIST}{entry}/change/"
    return client.post(address, data=token(client, address) | {"lift_reason": reason})


def last(park):
    return row(park, "SELECT * FROM barred ORDER BY id DESC LIMIT 1")


def test_who_is_barred_stays_out_until_it_is_lifted(park, manager, lane):
    number = person(21)
    lane.buy(number)
    assert bar(park, manager, number).status_code == 302
    lane.settle()
    answer = lane.ask(number).json()
    assert (answer["admitted"], answer["reason"]) == (False, "barred")
    assert lift(manager, last(park)["id"]).status_code == 302
    lane.settle()
    assert lane.ask(number).json()["admitted"]
    entry = last(park)
    assert (entry["lifted_by"], entry["lift_reason"]) == ("manager", "误登记")


def test_a_last_day_counts_to_its_end_and_no_longer(park, manager, lane):
    number = person(22)
    lane.buy(number)
    assert bar(park, manager, number, last_day=str(site_today())).status_code == 302
    midnight = datetime.combine(site_today(), datetime.min.time(), UTC) + timedelta(hours=16)
    assert last(park)["until"] == midnight
    lane.settle()
    assert lane.ask(number).json()["reason"] == "barred"
    row(park, "UPDATE barred SET until = now() WHERE id = %s", last(park)["id"])
    lane.settle()
    assert lane.ask(number).json()["admitted"]
    assert "已到期" in manager.get(LIST).text


def test_every_way_of_writing_a_number_is_the_same_person(park, manager, lane):
    number = person(23)
    spaced = " ".join((number[:6], number[6:14], number[14:].lower()))
    assert bar(park, manager, spaced).status_code == 302
    lane.settle()
    assert lane.ask(number).json()["reason"] == "barred"


@pytest.mark.parametrize(("who", "ticket"), [(28, True), (31, False)])
def test_lanes_that_cannot_ask_hear_of_it_and_of_its_end(park, manager, lane, who, ticket):
    if ticket:
        lane.buy(person(who))
    with lane.following() as heard:
        assert bar(park, manager, person(who)).status_code == 302
        heard(person(who), barred=True)
        lift(manager, last(park)["id"])
        heard(person(who), barred=False)


def test_an_entry_without_a_number_says_so_until_its_document_is_barred_anew(park, manager, lane):
    """As entries were made before numbers were kept: whom no ticket names, no lane hears of."""
    number = person(32)
    assert bar(park, manager, number).status_code == 302
    row(park, "UPDATE barred SET document_sealed = NULL WHERE id = %s", last(park)["id"])
    page = f"{LIST}{last(park)['id']}/change/"
    english = manager.get(page, headers={"Accept-Language": "en"}).text
    assert "for ticket holders only" in english
    for address in (LIST, page):
        assert "请用同一证件重新列入" in manager.get(address).text
    lane.settle()
    assert lane.ask(number).json()["reason"] == "barred"
    with lane.following() as heard:
        assert bar(park, manager, person(33)).status_code == 302
        heard(person(33), barred=True, but_not=number)
        assert bar(park, manager, number).status_code == 302
        heard(number, barred=True)
    assert "请用同一证件重新列入" not in manager.get(LIST).text


def test_a_number_is_kept_sealed_and_no_longer_than_the_bar(park, manager):
    number = person(34)
    assert bar(park, manager, number).status_code == 302
    first = last(park)
    assert len(bytes(first["document_sealed"])) > len(number)
    assert number.encode() not in bytes(first["document_sealed"])
    assert bar(park, manager, number).status_code == 302
    assert lift(manager, last(park)["id"]).status_code == 302
    kept = rows(
        park, "SELECT document_sealed FROM barred WHERE holder_hash = %s", first["holder_hash"]
    )
    assert [r["document_sealed"] for r in kept] == [None, None]


def test_a_passport_too(park, manager, lane):
    sent = {"document_type": "passport_cn", "number": PASSPORT.lower()}
    assert bar(park, manager, "", **sent).status_code == 302
    lane.settle()
    credential = {"kind": "passport_cn", "number": PASSPORT}
    assert lane.ask("", credential=credential).json()["reason"] == "barred"


def test_the_number_is_nowhere(park, manager):
    number = person(24)
    manager.headers["Referer"] = str(manager.base_url)
    assert bar(park, manager, number).status_code == 302
    entry = last(park)
    for page in (LIST, f"{LIST}{entry['id']}/change/", f"{LIST}{entry['id']}/history/"):
        text = manager.get(page).text
        assert number not in text
        assert number[:6] + "********" + number[-4:] in text
    for table in ("barred", "django_admin_log", "django_session"):
        for kept in rows(park, f"SELECT t::text AS t FROM {table} t"):
            assert number not in kept["t"]
            assert number[6:14] not in kept["t"]
    assert re.fullmatch(rb".{16}", entry["holder_hash"], re.DOTALL)


def test_barring_again_leaves_one_entry_in_force(park, manager):
    number = person(25)
    assert bar(park, manager, number).status_code == 302
    assert bar(park, manager, number, reason="再次倒票").status_code == 302
    assert "已由新的记录代替" in manager.get(LIST).text
    kept = rows(
        park,
        "SELECT reason, lift_reason FROM barred WHERE holder_hash = %s ORDER BY id",
        last(park)["holder_hash"],
    )
    assert [(r["reason"], r["lift_reason"]) for r in kept] == [
        ("倒票", "replaced"),
        ("再次倒票", ""),
    ]


def test_an_entry_is_lifted_once_and_never_edited(park, manager):
    bar(park, manager, person(26))
    entry = last(park)["id"]
    assert lift(manager, entry).status_code == 302
    assert lift(manager, entry, "again").status_code == 403
    page = manager.get(f"{LIST}{entry}/change/").text
    assert "误登记" in page
    assert 'type="submit" class="default"' not in page
    assert manager.post(f"{LIST}{entry}/delete/", data=token(manager, LIST)).status_code == 403


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": "110105199001010038"}, "证件号码有误"),
        ({"number": ""}, "必填"),
        ({"number": "x" * 65}, "64"),
        ({"document_type": "library_card"}, "library_card"),
        ({"reason": ""}, "必填"),
        ({"reason": f"见 {person(27)}"}, "请勿在此填写"),
        ({"last_day": "2020-01-01"}, "此日期已过"),
        ({"last_day": "soon"}, "有效"),
    ],
)
def test_what_cannot_be_barred_is_said_and_nothing_is_kept(park, manager, changes, said):
    before = row(park, "SELECT count(*) FROM barred")
    answer = bar(park, manager, person(27), **changes)
    assert answer.status_code == 200
    assert said in errors(answer)
    assert row(park, "SELECT count(*) FROM barred") == before


def test_english(park, manager):
    manager.headers["Accept-Language"] = "en"
    page = manager.get(f"{LIST}add/").text
    assert "Not let in until" in page
    assert "Chinese passport" in page
    assert set(re.findall(r"[\u4e00-\u9fff]+", page)) <= {"云山风景区"}
