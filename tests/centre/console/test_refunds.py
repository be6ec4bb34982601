"""Refunds that stopped: who sees them, who sees to them, and what a page says of them."""

import os
import re
import subprocess
import sys

import pytest
from tests.centre.console.desk import alarm, row, rows, token, words
from tests.support_db import FreshDatabase, person

from menpiao.centre.commerce import provider

LIST = "/console/console/refund/"
CLERK, SUPERVISOR, MANAGER = "售票员 Clerk", "值班主管 Supervisor", "管理人员 Manager"
MAY = """
SELECT array_agg(g.name ORDER BY g.name) AS groups FROM auth_group g
JOIN auth_group_permissions m ON m.group_id = g.id
JOIN auth_permission p ON p.id = m.permission_id AND p.codename = 'change_refund'
"""


def stopped(park, lane, number, state="closed", error="refund_closed"):
    """A refund of a whole order that the platform did not carry out."""
    ticket = lane.buy(number)
    paid = row(
        park,
        "UPDATE payment SET state = 'paid', settled_at = now() WHERE order_id ="
        " (SELECT order_id FROM ticket WHERE id = %s) RETURNING *",
        ticket,
    )
    row(park, "UPDATE ticket SET state = 'refunding' WHERE id = %s", ticket)
    refund = row(
        park,
        "INSERT INTO refund (site_id, id, payment_id, order_id, state, amount_fen, out_refund_no,"
        " reason, tickets, created_at, last_error) VALUES (%s, nextval('id_block') * 1024, %s, %s,"
        " %s, %s, %s, 'visitor', ARRAY[%s]::bigint[], now(), %s) RETURNING *",
        *(paid["site_id"], paid["id"], paid["order_id"], state, paid["amount_fen"]),
        *(f"MP1R{paid['id']}", ticket, error),
    )
    row(
        park,
        "INSERT INTO outbox (site_id, id, channel, kind, key, ref_id, payload, state, due_at,"
        " created_at) VALUES (%s, nextval('id_block') * 1024, 'payment', 'refund', %s, %s,"
        """ '{"tickets": []}', 'delivered', now(), now())""",
        *(refund["site_id"], f"payment.refund:{refund['id']}", refund["id"]),
    )
    return refund


def page_of(refund):
    return f"{LIST}{refund['id']}/change/"


def press(client, refund):
    return client.post(page_of(refund), data=token(client, "/console/password_change/"))


@pytest.mark.parametrize(("group", "index"), [(SUPERVISOR, 61), (MANAGER, 62)])
def test_a_supervisor_sees_to_it_and_it_counts_once(park, lane, member, group, index):
    refund = stopped(park, lane, person(index))
    with member(group) as client:
        assert 'name="_save"' in client.get(page_of(refund)).text
        assert press(client, refund).status_code == 302
        assert press(client, refund).status_code == 403
        assert 'name="_save"' not in client.get(page_of(refund)).text
    anew = rows(park, "SELECT * FROM refund WHERE token = %s", f"again:{refund['id']}")
    assert [(r["state"], r["amount_fen"]) for r in anew] == [("requested", refund["amount_fen"])]
    log = row(park, "SELECT * FROM django_admin_log ORDER BY id DESC LIMIT 1")
    assert log["object_id"] == str(refund["id"])


def test_a_supervisor_has_an_abnormal_one_asked_about(park, lane, member):
    refund = stopped(park, lane, person(63), "abnormal", "refund_abnormal")
    with member(SUPERVISOR) as client:
        assert press(client, refund).status_code == 302
    asked = row(park, "SELECT * FROM outbox WHERE ref_id = %s AND kind = 'refund'", refund["id"])
    assert asked["state"] == "pending"


def test_a_clerk_reads_it_and_may_not(park, lane, member):
    refund = stopped(park, lane, person(64))
    with member(CLERK) as client:
        page = client.get(page_of(refund))
        assert page.status_code == 200
        assert 'name="_save"' not in page.text
        assert "请值班主管或管理人员" in page.text
        assert "按下面的按钮" not in page.text
        assert press(client, refund).status_code == 403
    assert not rows(park, "SELECT 1 FROM refund WHERE token = %s", f"again:{refund['id']}")


def test_every_page_says_how_many_wait_until_they_are_seen_to(park, lane, member):
    with member(SUPERVISOR) as client:
        before = alarm(client, LIST)
        closed = stopped(park, lane, person(65))
        stopped(park, lane, person(66), "abnormal", "refund_abnormal")
        stopped(park, lane, person(67), "done", "")
        assert alarm(client, LIST) == before + 2
        listed = client.get(f"{LIST}?stopped=1").text
        assert listed.count('class="field-__str__"') == before + 2
        assert press(client, closed).status_code == 302
        assert alarm(client, LIST) == before + 1
    with member("检票员 Gate staff") as client:
        assert alarm(client, LIST) == 0


NO_CODE = re.compile(r"refund_|[A-Z]{3,}_[A-Z]|{text}")
OURS = {
    provider.EventKind.REFUND_CLOSED: ("没有退钱", "moved no money"),
    provider.EventKind.REFUND_ABNORMAL: ("无法把钱退到", "could not return"),
    provider.NOT_ENOUGH: ("余额不足", "balance is too low"),
    provider.NOT_FOUND: ("查不到此退款单号", "does not know this refund"),
    "NO_ANSWER ReadTimeout": ("没有可靠的答复", "No reliable answer"),
}


def test_a_page_says_in_words_why_it_stopped(park, lane, member):
    refund = stopped(park, lane, person(68))
    with member(SUPERVISOR) as client:
        for code, said in OURS.items():
            row(park, "UPDATE refund SET last_error = %s WHERE id = %s", code, refund["id"])
            for language, told in zip(("zh-CN", "en"), said, strict=True):
                page = client.get(page_of(refund), headers={"Accept-Language": language}).text
                assert told in words(page)
                assert not NO_CODE.search(words(page.partition('id="content"')[2]))
        row(park, "UPDATE refund SET last_error = 'PARAM_ERROR 不同' WHERE id = %s", refund["id"])
        assert "平台答复：PARAM_ERROR 不同" in words(client.get(page_of(refund)).text)
        for language, told in (("zh-CN", "游客自助退票"), ("en", "Given back by the visitor")):
            listed = client.get(f"{LIST}?reason=visitor", headers={"Accept-Language": language})
            assert told in words(listed.text)
            assert refund["out_refund_no"] in client.get(page_of(refund)).text
        assert "field-given" not in client.get(f"{LIST}?reason=external").text


def test_groups_that_an_operator_has_changed_are_not_given_it(tmp_path):
    class Installation:
        database = FreshDatabase(tmp_path)

    try:
        assert row(Installation, MAY)["groups"] == sorted([SUPERVISOR, MANAGER])
        # As an older version left it, and as its operator made it since.
        row(Installation, "DROP INDEX refund_stopped")
        row(Installation, "DELETE FROM django_migrations WHERE name = '0024_stopped_refunds'")
        row(
            Installation,
            "DELETE FROM auth_group_permissions WHERE permission_id IN (SELECT id FROM"
            " auth_permission WHERE codename = 'change_refund') OR (permission_id IN (SELECT id"
            " FROM auth_permission WHERE codename = 'view_refund') AND group_id ="
            " (SELECT id FROM auth_group WHERE name = %s))",
            SUPERVISOR,
        )
        environment = os.environ | {
            "MENPIAO_DATABASE_URL": Installation.database.url,
            "MENPIAO_DATA_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "menpiao.compose.django_settings",
        }
        step = "from menpiao.storage.database.migrate import migrate; migrate()"
        subprocess.run([sys.executable, "-c", step], env=environment, check=True)
        assert row(Installation, MAY)["groups"] == [MANAGER]
    finally:
        Installation.database.drop()
