"""Records in the console: scans and passages to be read, found by what is printed and by gate."""

import html
import re
import secrets
from datetime import UTC, datetime

import pytest
from tests.centre.console.desk import row, rows
from tests.support_db import person

from menpiao.domain.ticket import serial_number

SCANS, PASSAGES = "/console/console/admission/", "/console/console/passage/"


def listed(client, address):
    """The rows of a list, as text."""
    answer = client.get(address)
    assert answer.status_code == 200
    found = re.search(r'<table id="result_list".*?</table>', answer.text, re.DOTALL)
    lines = re.findall(r"<tr>.*?</tr>", found[0], re.DOTALL)[1:] if found else []
    return [re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", line))) for line in lines]


def passed(lane, gate, kind="passed", count=1):
    event = {
        "sequence": secrets.randbelow(2**40) + 1,
        "gate_id": gate,
        "at": datetime.now(UTC).isoformat(),
        "kind": kind,
        "count": count,
    }
    assert lane.client.post("/check/v1/passages", json={"events": [event]}).status_code == 200


def gates(park):
    return [r["id"] for r in rows(park, "SELECT id FROM gate ORDER BY id")]


def test_what_barriers_counted_is_listed_by_gate_and_by_kind(park, manager, lane):
    first, second, *_ = gates(park)
    passed(lane, first, count=2)
    passed(lane, second, "tailgating", 3)
    everything = listed(manager, PASSAGES)
    assert any("东门1号 已通过 2" in line for line in everything)
    here = listed(manager, f"{PASSAGES}?gate_id={second}")
    assert here
    assert all("东门2号" in line for line in here)
    followed = listed(manager, f"{PASSAGES}?kind=tailgating")
    assert any("东门2号 尾随 3" in line for line in followed)
    assert not any("已通过" in line for line in followed)


@pytest.mark.parametrize("asked", ["gate_id=x", "gate_id=99999999999999999999", "kind=nothing"])
def test_a_filter_that_is_none_finds_nothing(manager, asked):
    assert listed(manager, f"{PASSAGES}?{asked}") == []


def test_a_scan_is_found_by_the_number_on_the_ticket(park, manager, lane):
    ticket = lane.buy(person(71))
    assert lane.ask(person(71)).json()["admitted"]
    assert not lane.ask(person(71)).json()["admitted"]
    found = listed(manager, f"{SCANS}?q={serial_number(ticket)}")
    assert len(found) == 2
    assert all(serial_number(ticket) in line for line in found)
    assert "请通行" in found[1]
    refused = listed(manager, f"{SCANS}?admitted__exact=0&q={serial_number(ticket)}")
    assert len(refused) == 1
    detail = manager.get(f"{SCANS}{row(park, 'SELECT max(id) AS id FROM admission')['id']}/change/")
    assert "东门1号" in detail.text
    assert '<input type="submit"' not in detail.text


@pytest.mark.parametrize("kind", ["passage", "admission"])
def test_nobody_changes_them(manager, kind):
    assert manager.get(f"/console/console/{kind}/add/").status_code == 403


def test_a_long_list_is_counted_no_further_than_people_page(park, manager, lane):
    row(
        park,
        "INSERT INTO passage (site_id, device_id, sequence, gate_id, at, kind, count, received_at)"
        " SELECT %s, %s, n, %s, now() - interval '9 days', 'passed', 1, now()"
        " FROM generate_series(1, 12000) n",
        lane.gate["site_id"],
        lane.device,
        lane.gate["id"],
    )
    assert "10000 通行记录" in manager.get(PASSAGES).text
    assert len(listed(manager, PASSAGES)) == 50
    with_index = row(
        park,
        "SELECT count(*) FROM pg_indexes WHERE indexname = 'passage_last'",
    )
    assert with_index["count"] == 1
