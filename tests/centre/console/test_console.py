"""The staff console through HTTP: signing in, one-time codes, revoking, records only to read."""

import re

import pytest
from tests.centre.console.desk import row, sign_in
from tests.support_pages import hidden

from menpiao.storage.database.devices import code_hash


@pytest.fixture(autouse=True, scope="module")
def device(lane):
    return lane.device


def test_a_clerk_does_not_get_in(park):
    with park.client() as client:
        assert sign_in(client, "clerk").status_code == 200
        assert client.get("/console/").status_code == 302


@pytest.mark.parametrize(
    "place",
    [
        *("menpiao/site/", "menpiao/product/", "menpiao/gate/", "menpiao/device/"),
        *("menpiao/enrolmentcode/", "menpiao/staff/", "auth/user/", "console/order/"),
        *("console/ticket/", "console/admission/", "console/payment/", "console/outbox/"),
        "console/refund/",
        *("menpiao/zone/", "menpiao/gategroup/", "console/passage/", "console/barred/"),
        *("console/conflict/", "menpiao/zone/add/", "menpiao/gategroup/add/", "menpiao/gate/add/"),
        *("console/barred/add/", "menpiao/gate/1/change/", "menpiao/site/1/change/"),
        *("menpiao/product/1/change/", "menpiao/product/add/", "menpiao/staff/add/"),
    ],
)
def test_every_list_opens(manager, place):
    answer = manager.get(f"/console/{place}")
    assert answer.status_code == 200
    assert not re.search(r"<[^>]+\sstyle=|<style|<script(?![^>]*\bsrc=)[^>]*>", answer.text)


def test_the_console_speaks_chinese_and_english(park, manager):
    assert "门票后台" in manager.get("/console/").text
    with park.client("en") as client:
        assert "Ticket back office" in client.get("/console/login/").text


def test_a_code_is_shown_once_and_only_its_hash_is_kept(park, manager):
    address = "/console/menpiao/enrolmentcode/add/"
    fields = hidden(manager.get(address).text)
    site, gate = row(park, "SELECT site_id, min(id) FROM gate GROUP BY 1").values()
    token = {"csrfmiddlewaretoken": fields["csrfmiddlewaretoken"]}
    answer = manager.post(address, data=token | {"site": site, "gates": [gate]})
    assert answer.status_code == 302
    listing = "/console/menpiao/enrolmentcode/"
    shown = re.search(r"(?:[0-9A-F]{4}-){3}[0-9A-F]{4}", manager.get(listing).text)[0]
    assert row(park, "SELECT code_hash FROM enrolment_code")["code_hash"] == code_hash(shown)
    assert row(park, "SELECT count(*) FROM enrolment_code_gates") == {"count": 1}
    assert shown not in manager.get(listing).text


def test_a_terminal_is_revoked(park, manager, device):
    address = "/console/menpiao/device/"
    fields = hidden(manager.get(address).text)
    sent = {"csrfmiddlewaretoken": fields["csrfmiddlewaretoken"], "action": "revoke"}
    manager.post(address, data=sent | {"_selected_action": [device]})
    assert row(park, "SELECT revoked_at IS NULL AS may FROM device") == {"may": False}


@pytest.mark.parametrize(
    "kind", ["order", "ticket", "admission", "passage", "payment", "refund", "outbox"]
)
def test_records_are_only_read(manager, kind):
    assert manager.get(f"/console/console/{kind}/add/").status_code == 403


@pytest.mark.parametrize(("secret", "status"), [("demo-clerk", 302), ("wrong", 200)])
def test_staff_without_the_console_sign_in_on_a_page_of_their_own(park, secret, status):
    with park.client() as client:
        fields = hidden(client.get("/view/login/?next=/orders/").text)
        sent = {"username": "clerk", "password": secret}
        answer = client.post("/view/login/", data=fields | sent)
        assert answer.status_code == status
        assert answer.headers.get("Location", "/orders/") == "/orders/"


def test_nobody_is_signed_in_to_another_host(park):
    with park.client() as client:
        fields = hidden(client.get("/view/login/").text) | {"next": "https://evil.example/"}
        sent = {"username": "clerk", "password": "demo-clerk"}
        assert client.post("/view/login/", data=fields | sent).headers["Location"] == "/"
