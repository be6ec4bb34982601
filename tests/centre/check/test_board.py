"""The board of lanes as people of the house get it, without scripts, and its stream."""

import re
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.centre.check.house import LinkedLane, a_house, forms


@pytest.fixture(scope="module")
def house():
    with a_house() as served:
        yield served


def until(look, within_s=8):
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def card(client, house, gate=None):
    """The text of a lane's card."""
    html = client.get("/lanes/").text
    found = re.search(
        rf'<li class="[^"]*" id="lane-{gate or house.gate}">(.*?)\n</li>', html, re.DOTALL
    )
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", found[1]))


def tell(client, action, reason="测试", **changes):
    """Press a button of the page."""
    fields = dict(forms(client.get("/lanes/").text))["/lanes/command/"]
    sent = fields | {"action": action, "reason": reason} | changes
    answer = client.post("/lanes/command/", data=sent)
    assert answer.status_code == 302
    return sent


def rows(house, action):
    return house.value("SELECT count(*) FROM lane_command WHERE action = %s", action)


def test_strangers_and_clerks_neither_see_lanes_nor_tell_them_anything(house):
    before = rows(house, "open_once")
    with house.served.client() as client:
        for path in ("/lanes/", "/lanes/part/", "/lanes/ticket/"):
            assert "/login/" in client.get(path).headers["location"]
        assert client.get("/check/v1/board").status_code == 403
        assert client.post("/lanes/command/").status_code == 403  # no token of the form
    with house.signed_in("first") as client:
        page = client.get("/lanes/")
    with house.signed_in("sold") as clerk:
        for path in ("/lanes/", "/lanes/part/", "/lanes/ticket/"):
            assert clerk.get(path).status_code == 403
        token = clerk.get("/view/login/").text
        fields = {"action": "open_once", "reason": "x", "gate": house.gate}
        fields["csrfmiddlewaretoken"] = forms(token)[0][1]["csrfmiddlewaretoken"]
        assert clerk.post("/lanes/command/", data=fields).status_code == 403
    assert page.headers["cache-control"].startswith("max-age=0")
    assert rows(house, "open_once") == before


def test_a_lane_is_shown_as_it_says_it_is(house):
    with house.signed_in("first") as client, house.signed_in("first", "en-GB") as english:
        other = house.value("SELECT max(id) FROM gate")
        assert "○ 未接入" in (text := card(client, house, other))
        assert "⚠ 没有终端" in text
        with LinkedLane(house) as lane:
            old = (datetime.now(UTC) - timedelta(minutes=9)).isoformat()
            lane.say(state="idle", paper="out", mode="lane", data_at=old, queue=7)
            shown = until(lambda: "单机" in (text := card(client, house)) and text)
            for word in (
                "✔ 在线",
                "✖ 缺纸",
                "⚠ 本机数据过旧",
                "9 分钟前",
                "待上传7",
                "menpiao test",
            ):
                assert word in shown
            assert "Out of paper" in (text := card(english, house))
            assert "To upload7" in text
        until(lambda: "✖ 离线" in card(client, house))


def test_a_lane_that_is_not_of_the_centres_version_says_so(house):
    with house.signed_in("first") as client, house.signed_in("first", "en-GB") as english:
        with LinkedLane(house) as lane:
            lane.say(state="idle", mode="line", rules="newer", rules_why="needs 'night_prices'")
            shown = until(lambda: "规则太新" in (text := card(client, house)) and text)
            assert "✖ 规则太新，本机软件不认识：请更新软件" in shown
            assert "needs &#x27;night_prices&#x27;" in shown
            assert "✖ Rules too new for this lane: update it" in card(english, house)
            assert "规则太新，本机软件不认识" in client.get("/lanes/devices/").text
            lane.say(state="idle", mode="line", unknown=2)
            shown = until(lambda: "软件比中心旧" in (text := card(client, house)) and text)
            assert "规则太新" not in shown
        until(lambda: "✖ 离线" in card(client, house))


def test_a_button_opens_once_and_the_page_says_what_the_lane_answered(house):
    with house.signed_in("first") as client, LinkedLane(house) as lane:
        before = rows(house, "open_once")
        sent = tell(client, "open_once", "轮椅", gate=house.gate)
        until(lambda: "开闸一次 · 通道已执行" in card(client, house))
        assert client.post("/lanes/command/", data=sent).status_code == 302  # pressed twice
        assert rows(house, "open_once") == before + 1
        assert [c["action"] for c in lane.commands] == ["open_once"]
        page = client.get("/lanes/").text
        assert "轮椅" in page
        assert ">first<" in re.sub(r"\s", "", page)
        lane.outcome = "not_supported"
        tell(client, "hold_open", gate=house.gate)
        until(lambda: "通道未能执行 · 该通道没有此功能" in card(client, house))
        tell(client, "release", gate=house.gate)


def test_a_command_without_lane_or_reason_is_refused_and_says_so(house):
    with house.signed_in("first") as client:
        for fields in ({"gate": 99999}, {"gate": house.gate, "reason": " "}, {"action": "explode"}):
            before = house.value("SELECT count(*) FROM lane_command")
            tell(client, **({"action": "open_once"} | fields))
            assert house.value("SELECT count(*) FROM lane_command") == before
            assert "没有发出" in client.get("/lanes/").text


def test_every_command_of_a_day_stays_to_be_read(house):
    with house.signed_in("first") as client:
        for n in range(14):
            tell(client, "open_once", f"第{n}次", gate=house.gate)
        house.run(
            "UPDATE lane_command SET made_at = made_at - interval '1 day' WHERE reason = '第0次'"
        )
        assert "第1次" not in client.get("/lanes/").text  # the board shows the last ones
        today = client.get("/lanes/commands/").text
        assert all(f"第{n}次" in today for n in range(1, 14))
        assert "第0次" not in today
        day = house.value("SELECT (now() AT TIME ZONE 'Asia/Shanghai' - interval '1 day')::date")
        assert "第0次" in client.get("/lanes/commands/", params={"day": day.isoformat()}).text
        assert client.get("/lanes/commands/?day=x").status_code == 200
    with house.signed_in("sold") as clerk:
        assert clerk.get("/lanes/commands/").status_code == 403


def agree_form(client):
    found = [fields for action, fields in forms(client.get("/lanes/").text) if "agree" in action]
    return found[0] if found else None


def test_all_lanes_are_told_when_a_second_person_agrees_in_their_own_session(house):
    signed = house.signed_in
    with signed("first") as first, signed("second") as second, LinkedLane(house) as lane:
        tell(first, "release_all", "火警")
        assert "等待另一位主管" in first.get("/lanes/").text
        assert agree_form(first) is None
        fields = agree_form(second)
        own = dict(forms(first.get("/lanes/").text))["/lanes/command/"]["csrfmiddlewaretoken"]
        mine = fields | {"csrfmiddlewaretoken": own}
        assert first.post("/lanes/agree/", data=mine).status_code == 302  # by a forged form
        assert "没有执行" in first.get("/lanes/").text
        assert lane.commands == []
        assert second.post("/lanes/agree/", data=fields).status_code == 302
        until(lambda: [c["action"] for c in lane.commands] == ["hold_open"])
        page = until(lambda: "通道已执行" in (text := second.get("/lanes/").text) and text)
        assert "first + second" in page
        assert "第二人已确认" in page
        # Too late is never.
        tell(second, "close_all", "雷暴")
        fields = agree_form(first)
        house.run("UPDATE lane_command SET expires_at = now() WHERE state = 'awaiting'")
        first.post("/lanes/agree/", data=fields)
        assert "没有执行" in (page := first.get("/lanes/").text)
        assert "超时未执行" in page
        assert [c["action"] for c in lane.commands] == ["hold_open"]


def test_the_stream_says_that_the_board_has_changed_and_nothing_else(house):
    with house.signed_in("second") as client:
        ticket = client.get("/lanes/ticket/").json()["ticket"]
        address = f"{house.served.address}/check/v1/board"
        assert httpx.get(address, params={"ticket": ticket[:-1] + "x"}).status_code == 403
        with httpx.stream("GET", address, params={"ticket": ticket}, timeout=20) as stream:
            events = (line for line in stream.iter_lines() if line.startswith("data:"))
            first = next(events)
            with LinkedLane(house):
                changed = next(events)
    assert first != changed
    assert re.fullmatch(r'data: "[0-9a-f]{24}"', changed)
