"""Conflicts: two lanes that could not ask each other let one ticket in; somebody looks into it."""

import re
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
from tests.centre.console.desk import Lane, alarm, errors, row, sign_in, token, words
from tests.support_db import person
from tests.support_pages import hidden

from menpiao.centre.check.service.states import WATCHED_S

LIST = "/console/console/conflict/"


@pytest.fixture(scope="module")
def other(park):
    with Lane(park) as other:
        yield other


def admitted(lane, ticket, gate, minutes_ago, passed=None):
    """A lane says that it let the ticket in while it was alone; what came of it."""
    now = datetime.now(UTC)
    scan = {
        "nonce": secrets.token_urlsafe(12),
        "sequence": secrets.randbelow(2**40) + 1,
        "gate_id": gate,
        "at": (now - timedelta(minutes=minutes_ago)).isoformat(),
        "admitted": True,
        "reason": "pass",
        "source": "lane",
        "people": 1,
        "first_entry": 1,
        "ticket_id": ticket,
        "horizon": 1,
    }
    report = lane.client.post("/check/v1/reports", json={"scans": [scan], "now": now.isoformat()})
    assert report.status_code == 200, report.text
    if passed is not None:
        event = {
            "sequence": scan["sequence"],
            "gate_id": gate,
            "at": scan["at"],
            "kind": "passed",
            "count": passed,
            "nonce": scan["nonce"],
        }
        kept = lane.client.post("/check/v1/passages", json={"events": [event]})
        assert kept.status_code == 200, kept.text
    return report.json()["results"][0]["outcome"]


def conflict(park, lane, other, number):
    """One person's ticket, admitted at the first gate and then, alone, at the third."""
    ticket = lane.buy(number)
    first, _, third = gates(park)[:3]
    assert admitted(lane, ticket, first, 9, passed=1) == "recorded"
    assert admitted(other, ticket, third, 4, passed=0) == "conflict"
    return row(park, "SELECT * FROM conflict WHERE ticket_id = %s", ticket)


def gates(park):
    ids = row(park, "SELECT array_agg(id ORDER BY id) AS ids FROM gate")
    return ids["ids"]


def resolve(client, identifier, note="两次均为本人，第二次已劝离"):
    address = f"{LIST}{identifier}/change/"
    return client.post(address, data=token(client, address) | {"resolution": note})


def test_both_scans_are_seen_and_one_note_resolves_it(park, manager, lane, other):
    before = alarm(manager, LIST)
    found = conflict(park, lane, other, person(31))
    assert alarm(manager, LIST) == before + 1
    listed = words(manager.get(LIST).text)
    assert "东门1号 → 南门1号" in listed
    page = words(manager.get(f"{LIST}{found['id']}/change/").text)
    assert "共 1 人，多放行 1 人" in page
    first, second = page.index("先前的一次"), page.index("超出的一次")
    assert "东门1号" in page[first:second]
    assert "闸机计数通过 1" in page[first:second]
    assert "南门1号" in page[second:]
    assert "离线：通道本机" in page[second:]
    assert "闸机计数通过 0" in page[second:]
    assert person(31) not in page
    assert resolve(manager, found["id"]).status_code == 302
    after = row(park, "SELECT * FROM conflict WHERE id = %s", found["id"])
    assert (after["state"], after["resolved_by"]) == ("resolved", "manager")
    assert after["resolution"] == "两次均为本人，第二次已劝离"
    assert datetime.now(UTC) - after["resolved_at"] < timedelta(minutes=5)
    assert alarm(manager, LIST) == before
    page = words(manager.get(f"{LIST}{found['id']}/change/").text)
    assert "第二次已劝离" in page
    assert "manager" in page
    log = row(park, "SELECT * FROM django_admin_log ORDER BY id DESC LIMIT 1")
    assert log["object_id"] == str(found["id"])


def test_it_is_resolved_once(park, manager, lane, other):
    found = conflict(park, lane, other, person(32))
    assert resolve(manager, found["id"], "先").status_code == 302
    assert resolve(manager, found["id"], "后").status_code == 403
    assert row(park, "SELECT * FROM conflict WHERE id = %s", found["id"])["resolution"] == "先"


@pytest.mark.parametrize(
    ("note", "said"), [("", "必填"), (" ", "必填"), (f"持证人 {person(33)}", "请勿在此填写")]
)
def test_without_a_fit_note_it_stays_open(park, manager, lane, other, note, said):
    number = person(40 + len(note))
    found = conflict(park, lane, other, number)
    answer = resolve(manager, found["id"], note)
    assert said in errors(answer)
    assert "先前的一次" in answer.text
    assert row(park, "SELECT state FROM conflict WHERE id = %s", found["id"])["state"] == "open"


def test_the_alarm_is_for_those_who_may_see_it(park, lane, other):
    conflict(park, lane, other, person(34))
    row(park, "UPDATE auth_user SET is_staff = true WHERE username = 'clerk'")
    with park.client() as client:
        assert sign_in(client, "clerk").status_code == 302
        assert alarm(client, LIST) == 0
        assert client.get(LIST).status_code == 403
    row(park, "UPDATE auth_user SET is_staff = false WHERE username = 'clerk'")


def test_the_board_of_lanes_leads_there_whoever_may_go(park, manager, lane, other):
    conflict(park, lane, other, person(36))
    way = f'href="{LIST}?state__exact=open"'
    assert way in manager.get("/lanes/").text
    with park.client() as client:
        fields = hidden(client.get("/view/login/").text)
        sent = {"username": "supervisor", "password": "demo-supervisor"}
        assert client.post("/view/login/", data=fields | sent).status_code == 302
        board = client.get("/lanes/").text
        assert "未处理冲突" in board
        assert way not in board


def test_english(park, manager, lane, other):
    found = conflict(park, lane, other, person(35))
    manager.headers["Accept-Language"] = "en"
    page = words(manager.get(f"{LIST}{found['id']}/change/").text)
    assert "South Gate 1" in page
    assert "1 too many" in page
    assert set(re.findall(r"[\u4e00-\u9fff]+", page)) <= {"李"}


def test_the_board_of_lanes_tells_both_scans_until_it_is_resolved(park, manager, lane, other):
    found = conflict(park, lane, other, person(37))
    board = manager.get("/lanes/").text
    way = f"{LIST}{found['id']}/change/"
    line = re.search(rf'<li><a href="{way}">(.*?)</li>', board)
    told = words(line[1])
    assert re.search(r"\d\d:\d\d 东门1号 · \d\d:\d\d 南门1号 · 多放行 1 人", told)
    assert person(37) not in board
    assert resolve(manager, found["id"]).status_code == 302
    # Whoever watches sees readings that are a little old.
    end = time.monotonic() + 5
    while way in (board := manager.get("/lanes/").text):
        assert time.monotonic() < end, re.findall(r"<li><a href=.*?</li>", board)
        time.sleep(WATCHED_S)
