"""The pages of terminals as people of the house get them, without scripts."""

import re
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.house import LinkedLane, a_house, forms
from tests.centre.check.stage import b64, raw_key
from tests.support_db import person

from menpiao.wire.check import proof_text
from menpiao.wire.fleet import SETTINGS

PAGES = ("", "part/", "settings/")


@pytest.fixture(scope="module")
def house():
    with a_house() as served:
        yield served


@pytest.fixture(autouse=True)
def let_in(house):
    """The terminal is let in, has said and has to do nothing, and nobody has set anything."""
    house.run("UPDATE device SET revoked_at = NULL WHERE id = %s", house.device)
    with house.served.client() as client:
        session(client, house)
    for table in ("lane_state", "device_task", "lane_setting", "device_setting"):
        house.run(f"DELETE FROM {table}")


def until(look, within_s=10):
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html))


def page_of(house):
    return f"/lanes/devices/{house.device}/"


def send(client, page, address, **changes):
    """Send a form of a page with these fields."""
    fields = {}
    for where, found in forms(client.get(page).text):
        fields |= found if where == address else {}
    assert fields, "no such form"
    return client.post(address, data=fields | changes)


def act(client, house, action, **changes):
    page = page_of(house)
    return send(client, page, f"{page}act/", action=action, **({"reason": "例行"} | changes))


def session(client, house):
    """The header of the lane's own session."""
    challenge = client.post("/check/v1/challenges").json()["challenge"]
    proof = {
        "type": "proof",
        "device_id": house.device,
        "challenge": challenge,
        "signature": b64(house.key.sign(proof_text(house.device, challenge))),
    }
    # One that was shut out until now is known again within seconds.
    token = until(lambda: client.post("/check/v1/sessions", json=proof).json().get("token"))
    return {"Authorization": f"Bearer {token}"}


def rows(house):
    tables = ("device_task", "lane_setting", "enrolment_code", "lane_command")
    return [house.value(f"SELECT count(*) FROM {table}") for table in tables]


def test_strangers_clerks_and_other_sites_get_nothing(house):
    own = page_of(house)
    paths = [*(f"/lanes/devices/{page}" for page in PAGES), own, f"{own}part/", f"{own}logs/1/"]
    before = rows(house)
    with house.served.client() as client:
        assert all("/login/" in client.get(path).headers["location"] for path in paths)
        assert client.post(f"{own}act/").status_code == 403
    with house.signed_in("sold") as clerk:
        assert {clerk.get(path).status_code for path in paths} == {403}
        token = forms(clerk.get("/view/login/").text)[0][1]["csrfmiddlewaretoken"]
        for address in ("/lanes/devices/code/", f"{own}act/", f"{own}settings/"):
            fields = {"csrfmiddlewaretoken": token, "action": "revoke", "reason": "x", "gates": 1}
            assert clerk.post(address, data=fields).status_code == 403
    with house.signed_in("first") as client:
        for wrong in (house.device + 100, 2**70):
            assert client.get(f"/lanes/devices/{wrong}/").status_code == 404
        for wrong in (1, 2**70):
            assert client.get(f"{own}logs/{wrong}/").status_code == 404
    assert rows(house) == before


def test_a_code_is_shown_once_kept_as_a_hash_and_enrols_one_terminal(house):
    with house.signed_in("first") as client:
        given = {"gates": house.gate, "reason": "东门换机"}
        answer = send(client, "/lanes/devices/", "/lanes/devices/code/", **given)
        code = re.search(r"[0-9A-F]{4}(?:-[0-9A-F]{4}){3}", answer.text)[0]
        assert code not in client.get("/lanes/devices/").text
        assert "发放登记码" in (shown := text_of(client.get("/lanes/devices/").text))
        assert "东门换机" in shown
        assert "first" in shown
        kept = house.value("SELECT count(*) FROM device_task WHERE action = 'enrol_code'")
        for wrong in ({"gates": 99999, "reason": "x"}, {"gates": house.gate, "reason": " "}):
            send(client, "/lanes/devices/", "/lanes/devices/code/", **wrong)
            assert "没有发放" in client.get("/lanes/devices/").text
        assert house.value("SELECT count(*) FROM device_task WHERE action = 'enrol_code'") == kept
        key = b64(raw_key(Ed25519PrivateKey.generate()))
        body = {"code": code, "public_key": key, "name": "东门新机"}
        assert client.post("/check/v1/devices", json=body).status_code in {200, 201}
        other = b64(raw_key(Ed25519PrivateKey.generate()))
        again = client.post("/check/v1/devices", json=body | {"public_key": other})
        assert again.status_code >= 400
        assert "东门新机" in (shown := text_of(client.get("/lanes/devices/").text))
        assert "从未上线" in shown


def test_what_is_pressed_twice_is_asked_for_once_and_waits_for_who_is_off_line(house):
    with house.signed_in("first") as client:
        until(lambda: "送不到" in client.get(page_of(house)).text)
        act(client, house, "roll_key")
        act(client, house, "roll_key")
        pending = "SELECT count(*) FROM device_task WHERE state = 'pending' AND action = 'roll_key'"
        assert house.value(pending) == 1
        shown = text_of(client.get(page_of(house)).text)
        assert "终端离线，等它上线" in shown
        assert re.search(r"已等 \d+ 秒", shown)
        with LinkedLane(house) as lane:
            until(lambda: "更换密钥✔ 已完成" in text_of(client.get(page_of(house)).text))
            assert [c["action"] for c in lane.commands].count("roll_key") == 1
            lane.outcome = "not_supported"
            act(client, house, "logs", lines="50")
            until(lambda: "该终端没有此功能" in text_of(client.get(page_of(house)).text))


def test_show_and_reload_reach_a_lane_that_is_there_and_no_other(house):
    with house.signed_in("first") as client:
        until(lambda: "送不到" in client.get(page_of(house)).text)
        before = house.value("SELECT count(*) FROM lane_command")
        act(client, house, "show", reason="请走东门")
        assert "没有发出：终端离线" in client.get(page_of(house)).text
        assert house.value("SELECT count(*) FROM lane_command") == before
        with LinkedLane(house) as lane:
            until(lambda: "送不到" not in client.get(page_of(house)).text)
            act(client, house, "show", reason="请走东门")
            until(lambda: "显示文字✔ 已完成" in text_of(client.get(page_of(house)).text))
            assert (lane.commands[-1]["action"], lane.commands[-1]["text"]) == ("show", "请走东门")
            act(client, house, "reload")
            until(lambda: "重新载入配置✔" in text_of(client.get(page_of(house)).text))
            last = house.value("SELECT max(id) FROM gate")
            act(client, house, "reload", gate=last)  # a gate at which it does not stand
            assert "没有发出" in client.get(page_of(house)).text


def test_a_hub_is_told_to_reload_and_its_page_says_that_it_shows_no_text(house):
    with house.signed_in("first") as client, LinkedLane(house, software="test hub") as hub:
        until(lambda: "本站服务器" in client.get(page_of(house)).text)
        until(lambda: "送不到" not in client.get(page_of(house)).text)
        page = client.get(page_of(house)).text
        assert "它没有屏幕，不能显示文字" in page
        assert 'value="show"' not in page
        before = house.value("SELECT count(*) FROM lane_command")
        act(client, house, "show", reason="请走东门", gate=house.gate)
        assert "没有发出" in client.get(page_of(house)).text
        act(client, house, "reload", reason=" ")
        assert "没有发出" in client.get(page_of(house)).text
        act(client, house, "reload", reason="数据有疑")
        until(lambda: "重新载入配置✔ 已完成" in text_of(client.get(page_of(house)).text))
        # It is the terminal itself that is told, and no lane.
        told = hub.commands[-1]
        assert (told["action"], told["gate_id"]) == ("reload", None)
        assert house.value("SELECT count(*) FROM lane_command") == before
        # One that does not answer (it may be older) is not waited for all day.
        hub.outcome = ""
        act(client, house, "reload", reason="再来一次")
        until(lambda: hub.commands[-1]["id"] != told["id"])
        life = "SELECT max(expires_at - made_at) < '10 minutes' FROM device_task"
        assert house.value(f"{life} WHERE action = 'reload'")
    with house.signed_in("first") as client:
        until(lambda: "送不到" in client.get(page_of(house)).text)
        act(client, house, "reload", reason="有人吗")
        assert "没有发出：终端离线" in client.get(page_of(house)).text


def test_settings_out_of_bounds_do_not_leave_and_say_what_is_wrong(house):
    wrong = {
        "hold_s": "900",
        "check_s": "soon",
        "oldest_s": "nan",
        "notice_s": "-1",
        "same_card_s": "1e999",
    }
    with house.signed_in("first") as client:
        before = rows(house)
        for address, page in (
            ("/lanes/devices/settings/", "/lanes/devices/settings/"),
            (f"{page_of(house)}settings/", page_of(house)),
        ):
            answer = send(client, page, address, **wrong, reason="试试")
            assert answer.status_code == 200
            assert answer.text.count('aria-invalid="true"') == len(wrong)
            assert 'value="900"' in answer.text
            assert "请填数字" in answer.text
            nothing = send(client, page, address, hold_s="3", reason=" ")
            assert "请写明原因" in nothing.text
        assert rows(house) == before


def test_settings_of_the_site_and_of_a_lane_over_them(house):
    with house.signed_in("first") as client:
        page = "/lanes/devices/settings/"
        assert send(client, page, page, hold_s="4", reason="全部").status_code == 302
        shown = client.get(page).text
        assert 'name="hold_s" value="4"' in shown
        assert "lane" in text_of(client.get("/lanes/devices/part/?answers").text)
        own = page_of(house)
        assert "全部通道：4" in client.get(own).text
        assert send(client, own, f"{own}settings/", notice_s="5", reason="本道").status_code == 302
        shown = client.get(own).text
        assert 'name="notice_s" value="5"' in shown
        assert 'name="hold_s" value=""' in shown
        assert "上线后送达" in shown
    assert set(re.findall(r'id="set-(\w+_s)"', shown)) == set(SETTINGS)


def test_log_lines_are_shown_and_downloaded_without_numbers(house):
    number = person(1)
    with house.signed_in("first") as client:
        head = session(client, house)
        act(client, house, "logs", lines="50", reason="屏幕黑过")
        task = house.value("SELECT max(id) FROM device_task WHERE action = 'logs'")
        body = {"id": str(task), "lines": [f"read {number}", "<b>plain</b>"]}
        assert client.post("/check/v1/logs", json=body, headers=head).status_code == 200
        shown = client.get(page_of(house)).text
        assert "&lt;b&gt;plain" in shown
        file = client.get(f"{page_of(house)}logs/{task}/")
        assert file.headers["content-disposition"].startswith("attachment")
        assert file.text.endswith("<b>plain</b>\n")
        assert number not in shown + file.text
        assert (
            house.value(
                "SELECT lines::text LIKE %s FROM device_task WHERE id = %s", f"%{number}%", task
            )
            is False
        )
        have = client.get(f"{page_of(house)}part/?have={task}").text
        assert "plain" not in have  # the page has it already


def test_a_revoked_terminal_is_cut_off_and_its_tasks_end(house):
    with house.signed_in("first") as client, LinkedLane(house, outcome=""):
        act(client, house, "roll_key")
        assert act(client, house, "revoke", reason=" ").status_code == 302
        assert "没有发出" in client.get(page_of(house)).text
        act(client, house, "revoke", reason="被盗")
        shown = text_of(client.get(page_of(house)).text)
        assert "已停用" in shown
        assert "未成功 · 终端已停用" in shown
        assert "停用终端✔ 已完成" in shown
        until(lambda: house.value("SELECT (SELECT state->>'up' FROM lane_state)") == "false")
        assert not [a for a, _ in forms(client.get(page_of(house)).text) if "act/" in a]
