"""Zones, gate groups and rules, arranged in the console and obeyed at lanes."""

import re

import pytest
from tests.centre.console.desk import errors, row, rows, token
from tests.support_db import person

SETUP = "/console/menpiao"
GATE = {
    "people_per_scan": 0,
    "early_grace_s": 86400,
    "late_grace_s": 86400,
    "passback_s": 0,
    "expired_document": "warn",
    "is_open": "on",
}


def post(client, path, sent):
    address = f"{SETUP}/{path}"
    return client.post(address, data=token(client, address) | sent)


def gates(park):
    """East 1, East 2, South 1 and the exit, by number."""
    return [r["id"] for r in rows(park, "SELECT id FROM gate ORDER BY id")]


def product(park, code):
    return row(park, "SELECT id FROM product WHERE code = %s", code)["id"]


def keep_gate(park, client, gate, **changes):
    kept = row(park, "SELECT name, name_en, site_id FROM gate WHERE id = %s", gate)
    sent = GATE | {"site": kept["site_id"], "name": kept["name"], "name_en": kept["name_en"]}
    return post(client, f"gate/{gate}/change/", sent | {"direction": "entry"} | changes)


def make(park, client, kind, **sent):
    site = row(park, "SELECT id FROM site")["id"]
    made = post(client, f"{kind}/add/", {"site": site} | sent)
    assert made.status_code == 302, errors(made)
    table = {"gategroup": "gate_group"}.get(kind, kind)
    return row(park, f"SELECT max(id) AS id FROM {table}")["id"]


def reason(lane, number, gate):
    return lane.ask(number, gate_id=gate).json()["reason"]


@pytest.fixture(autouse=True)
def as_planted(park):
    """Each test begins with gates that have no rules of their own."""
    yield
    for table in ("gate_leave_first", "gate_products"):
        row(park, f"DELETE FROM {table}")
    row(park, "UPDATE gate SET zone_id = NULL, group_id = NULL, reentry = ''")
    row(park, "UPDATE gate SET direction = 'exit' WHERE name_en = 'East Exit'")
    row(park, "DELETE FROM gate_group_products")
    row(park, "DELETE FROM gate_group")


def test_a_gate_takes_the_products_that_it_is_told_to(park, manager, lane):
    first, second, _, _ = gates(park)
    lane.buy(person(61))
    kept = keep_gate(park, manager, first, products=[product(park, "slot")])
    assert kept.status_code == 302, errors(kept)
    lane.settle()
    assert reason(lane, person(61), first) == "wrong_gate"
    assert reason(lane, person(61), second) == "pass"


def test_what_a_group_says_counts_for_all_its_gates_and_the_rest_each_says_itself(
    park, manager, lane
):
    first, second, third, _ = gates(park)
    lane.buy(person(62))
    lane.buy(person(63), product="slot")
    assert keep_gate(park, manager, first, products=[product(park, "day")]).status_code == 302
    group = make(
        park,
        manager,
        "gategroup",
        name="分时通道",
        gates=[first, second],
        products=[product(park, "slot")],
        needs_inside="",
    )
    lane.settle()
    assert reason(lane, person(62), first) == "wrong_gate"
    assert reason(lane, person(62), second) == "wrong_gate"
    assert reason(lane, person(62), third) == "pass"
    assert reason(lane, person(63), first) == "pass"
    shown = manager.get(f"{SETUP}/gate/{first}/change/").text
    assert "可用票种：分时段门票" in shown
    # Out of the group its own rule is back.
    sent = {"site": 1, "name": "分时通道", "gates": [second], "needs_inside": ""}
    sent["site"] = row(park, "SELECT id FROM site")["id"]
    assert post(manager, f"gategroup/{group}/change/", sent).status_code == 302
    lane.settle()
    assert lane.ask(person(63), gate_id=first, dry_run=True).json()["reason"] == "wrong_gate"


def test_a_gate_may_let_in_again_whatever_the_product_says(park, manager, lane):
    first, second, third, _ = gates(park)
    lane.buy(person(64), product="slot")  # never again
    make(
        park,
        manager,
        "gategroup",
        name="团队通道",
        gates=[second],
        reentry="unlimited",
        needs_inside="",
    )
    assert keep_gate(park, manager, third, reentry="none").status_code == 302
    lane.settle()
    assert reason(lane, person(64), first) == "pass"
    assert reason(lane, person(64), first) == "already_used"
    assert reason(lane, person(64), third) == "already_used"
    assert reason(lane, person(64), second) == "pass"


def test_a_group_may_turn_its_gates_round(park, manager, lane):
    first, second, _, _ = gates(park)
    lane.buy(person(65))
    make(
        park,
        manager,
        "gategroup",
        name="散场",
        gates=[first, second],
        direction="exit",
        needs_inside="",
    )
    lane.settle()
    refused = lane.ask(person(65), gate_id=first).json()
    assert (refused["direction"], refused["admitted"]) == ("exit", False)


def test_a_zone_from_nothing_to_the_first_who_enters(park, manager, lane):
    first, second, _, _ = gates(park)
    zone = make(
        park, manager, "zone", name="溶洞", name_en="Cave", instant_capacity=300, gates=[second]
    )
    told = manager.get(f"{SETUP}/zone/").text
    for lack in ("还没有票种包含此分区", "此承载量不起作用", "没有出口闸机"):
        assert lack in told
    assert "还没有入口闸机" not in told
    row(
        park,
        "INSERT INTO product_zone (product_id, zone_id, entries) VALUES (%s, %s, 1)",
        product(park, "day"),
        zone,
    )
    lane.settle()
    lane.buy(person(66))
    assert reason(lane, person(66), second) == "pass"
    assert reason(lane, person(66), second) == "zone_used_up"
    assert reason(lane, person(66), first) == "pass"
    page = manager.get(f"{SETUP}/zone/{zone}/change/").text
    assert "全天门票" in page
    row(park, "DELETE FROM product_zone")
    kept = {"site": row(park, "SELECT id FROM site")["id"], "name": "溶洞", "instant_capacity": 0}
    assert post(manager, f"zone/{zone}/change/", kept).status_code == 302
    assert row(park, "SELECT count(*) FROM gate WHERE zone_id IS NOT NULL")["count"] == 0


def test_a_group_may_lead_its_gates_to_a_zone(park, manager, lane):
    _, second, third, _ = gates(park)
    zone = make(park, manager, "zone", name="索道", instant_capacity=0)
    make(
        park,
        manager,
        "gategroup",
        name="索道口",
        gates=[second, third],
        zone=zone,
        needs_inside="true",
    )
    lane.settle()
    lane.buy(person(67))
    assert reason(lane, person(67), second) == "zone_not_included"
    page = re.sub(r"<[^>]+>", " ", manager.get(f"{SETUP}/zone/{zone}/change/").text)
    assert "东门2号、南门1号" in page


def test_nothing_of_another_site_is_taken(park, manager):
    first, *_ = gates(park)
    other = row(
        park,
        "INSERT INTO site (code, name, name_en, zone, address, address_en, phone, day_capacity,"
        " instant_capacity, terms, terms_en, is_open) VALUES ('far', '远山', '', 'Asia/Shanghai',"
        " '', '', '', 10, 10, '', '', true) RETURNING id",
    )["id"]
    zone = row(
        park,
        "INSERT INTO zone (site_id, name, name_en, instant_capacity) VALUES (%s, '远洞', '', 0)"
        " RETURNING id",
        other,
    )["id"]
    assert "不属于此景区：远洞" in errors(keep_gate(park, manager, first, zone=zone))
    sent = {"site": other, "name": "远组", "gates": [first], "needs_inside": ""}
    assert "不属于此景区：东门1号" in errors(post(manager, "gategroup/add/", sent))
    row(park, "DELETE FROM zone WHERE id = %s", zone)
    row(park, "DELETE FROM site WHERE id = %s", other)


def test_a_group_with_gates_is_not_thrown_away(park, manager):
    first, *_ = gates(park)
    group = make(park, manager, "gategroup", name="大门", gates=[first], needs_inside="")
    address = f"gategroup/{group}/delete/"
    post(manager, address, {"post": "yes"})
    assert row(park, "SELECT count(*) FROM gate_group")["count"] == 1


@pytest.mark.parametrize("kind", ["zone", "gategroup", "gate"])
def test_pages_open_in_english(park, manager, kind):
    manager.headers["Accept-Language"] = "en"
    for page in ("", "add/"):
        answer = manager.get(f"{SETUP}/{kind}/{page}")
        assert answer.status_code == 200
        assert "规则" not in answer.text
