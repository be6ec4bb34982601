"""Badges and PINs of the house's people, set in the console and obeyed at a lane."""

import json
import re

import pytest
from tests.centre.console.desk import errors, row, rows, token
from tests.support_db import person

from menpiao.domain.pin import pin_fits

PIN = "246813"


def save(park, client, **changes):
    who = row(park, "SELECT s.* FROM staff s WHERE s.role = 'supervisor' ORDER BY id LIMIT 1")
    address = f"/console/menpiao/staff/{who['id']}/change/"
    sent = {"user": who["user_id"], "site": who["site_id"], "role": "supervisor"}
    return client.post(address, data=token(client, address) | sent | {"badge": "S1"} | changes)


def kept(park):
    return row(park, "SELECT badge, pin_hash FROM staff WHERE role = 'supervisor' ORDER BY id")


def test_a_supervisor_gets_a_pin_and_opens_a_gate_with_it_until_it_is_cleared(park, manager, lane):
    save(park, manager, clear_pin="on")
    lane.settle()
    force = {"force": "家人在园内", "people": 1, "staff": {"badge": "S1", "pin": PIN}}
    assert lane.ask(person(1), **force).status_code == 403
    assert save(park, manager, pin=PIN, pin_again=PIN).status_code == 302
    assert pin_fits(PIN, kept(park)["pin_hash"])
    lane.settle()
    forced = lane.ask(person(1), **force)
    assert (forced.status_code, forced.json()["reason"]) == (200, "forced")
    assert save(park, manager, clear_pin="on").status_code == 302
    assert kept(park) == {"badge": "S1", "pin_hash": ""}
    lane.settle()
    assert lane.ask(person(1), **force).status_code == 403


def test_a_pin_is_never_shown_and_the_log_says_only_that_there_is_a_new_one(park, manager):
    save(park, manager, badge="")
    assert save(park, manager, pin=PIN, pin_again=PIN).status_code == 302
    digest = kept(park)["pin_hash"]
    who = row(park, "SELECT id FROM staff WHERE pin_hash <> ''")["id"]
    for page in ("", f"{who}/change/", f"{who}/history/"):
        text = manager.get(f"/console/menpiao/staff/{page}").text
        assert PIN not in text
        assert digest not in text
    refused = save(park, manager, pin=PIN, pin_again="999999")
    assert "两次输入的密码不同" in errors(refused)
    assert PIN not in refused.text
    entries = rows(park, "SELECT change_message, object_repr FROM django_admin_log ORDER BY id")
    assert entries[-1]["change_message"] == json.dumps(
        [{"changed": {"fields": ["工号", "新闸机密码", "再次输入密码"]}}]
    )
    for entry in entries:
        assert PIN not in entry["change_message"]
        assert digest not in entry["change_message"]


def test_what_is_not_said_of_a_pin_leaves_it(park, manager):
    save(park, manager, pin=PIN, pin_again=PIN)
    before = kept(park)
    assert save(park, manager).status_code == 302
    assert kept(park) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pin": "12345", "pin_again": "12345"}, "六至十二位数字"),
        ({"pin": "24681a", "pin_again": "24681a"}, "六至十二位数字"),
        ({"pin": "１３５７９２", "pin_again": "１３５７９２"}, "六至十二位数字"),
        ({"pin": "777777", "pin_again": "777777"}, "太容易被猜到"),
        ({"pin": "987654", "pin_again": "987654"}, "太容易被猜到"),
        ({"pin": PIN, "pin_again": PIN, "badge": ""}, "请填写工号"),
        ({"pin": PIN, "pin_again": PIN, "clear_pin": "on"}, "只能选一项"),
        ({"badge": "S 1"}, "工号只含"),
        ({"badge": "S1\n"}, None),
    ],
)
def test_a_pin_that_cannot_be_is_refused_and_changes_nothing(park, manager, changes, said):
    save(park, manager, pin=PIN, pin_again=PIN)
    before = kept(park)
    answer = save(park, manager, **changes)
    if said is None:  # white space at the ends goes, as in every field
        assert answer.status_code == 302
    else:
        assert answer.status_code == 200
        assert said in errors(answer)
    assert kept(park) == before


def test_without_a_badge_there_is_no_pin(park, manager):
    save(park, manager, pin=PIN, pin_again=PIN)
    assert save(park, manager, badge="").status_code == 302
    assert kept(park) == {"badge": "", "pin_hash": ""}


def test_a_badge_is_one_persons(park, manager):
    save(park, manager)
    other = row(park, "SELECT * FROM staff WHERE role = 'clerk'")
    address = f"/console/menpiao/staff/{other['id']}/change/"
    sent = {"user": other["user_id"], "site": other["site_id"], "role": "clerk", "badge": "S1"}
    answer = manager.post(address, data=token(manager, address) | sent)
    assert "此工号在该景区已有人使用" in errors(answer)


def test_the_list_says_who_has_a_pin(park, manager):
    save(park, manager, pin=PIN, pin_again=PIN)
    listing = manager.get("/console/menpiao/staff/").text
    assert len(re.findall(r"icon-yes", listing)) == 1
