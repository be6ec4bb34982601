"""The groups that come with the program: what each may and may not do, signed in as one of it."""

import html
import os
import re
import subprocess
import sys
from urllib.parse import urljoin, urlsplit

import pytest
from tests.centre.console.desk import row, rows, token
from tests.support_db import FreshDatabase

MIGRATE = "from menpiao.storage.database.migrate import migrate; migrate()"
THE_STEP = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", "menpiao", "0020_console_roles", verbosity=0)
"""
GROUPS = """
SELECT name, count(p.id) AS rights FROM auth_group g
LEFT JOIN auth_group_permissions p ON p.group_id = g.id GROUP BY name ORDER BY name
"""
PAGES = {
    "orders": "/console/console/order/",
    "tickets": "/console/console/ticket/",
    "payments": "/console/console/payment/",
    "refunds": "/console/console/refund/",
    "messages": "/console/console/outbox/",
    "scans": "/console/console/admission/",
    "passages": "/console/console/passage/",
    "barred": "/console/console/barred/",
    "bar": "/console/console/barred/add/",
    "conflicts": "/console/console/conflict/",
    "gates": "/console/menpiao/gate/",
    "new gate": "/console/menpiao/gate/add/",
    "products": "/console/menpiao/product/",
    "new product": "/console/menpiao/product/add/",
    "staff": "/console/menpiao/staff/",
    "new staff": "/console/menpiao/staff/add/",
    "devices": "/console/menpiao/device/",
    "new code": "/console/menpiao/enrolmentcode/add/",
    "new site": "/console/menpiao/site/add/",
    "new account": "/console/auth/user/add/",
    "groups": "/console/auth/group/",
}
OPEN = {
    "售票员 Clerk": "orders tickets payments refunds products",
    "检票员 Gate staff": "tickets scans passages barred gates",
    "值班主管 Supervisor": "orders tickets payments refunds messages scans passages barred bar"
    " conflicts gates products devices",
    "管理人员 Manager": "orders tickets payments refunds messages scans passages barred bar"
    " conflicts gates products staff devices new-gate new-product new-staff new-code",
    "监管人员 Regulator": "orders scans passages conflicts gates products",
    "系统集成 Integrator": "messages scans passages gates new-gate devices new-code",
}


@pytest.mark.parametrize("group", OPEN)
def test_a_member_of_a_group_sees_its_pages_and_no_others(member, group):
    with member(group) as client:
        answers = {name: client.get(address).status_code for name, address in PAGES.items()}
        index = client.get("/console/").text
    opened = {name.replace(" ", "-") for name, status in answers.items() if status == 200}
    assert opened == set(OPEN[group].split())
    assert {status for status in answers.values() if status != 200} == {403}
    assert ("/console/console/payment/" in index) == ("payments" in opened)


@pytest.mark.parametrize("group", OPEN)
def test_no_page_leads_a_member_to_one_that_is_closed(member, group):
    """Every kind of page that can be reached by links alone, from the console's first."""
    with member(group) as client:
        found, kinds = ["/console/"], {"/console/"}
        for address in found:
            answer = client.get(address)
            assert answer.status_code == 200, address
            for link in re.findall(r'href="([^"]*)"', answer.text):
                path = urlsplit(urljoin(address, html.unescape(link))).path
                kind = re.sub(r"\d+", "N", path)
                if path.startswith("/console/") and kind not in kinds | {"/console/jsi18n/"}:
                    kinds.add(kind)
                    found.append(path)
    assert len(found) > 5


def test_who_may_only_look_changes_nothing(member, park):
    gate = row(park, "SELECT id, name FROM gate ORDER BY id LIMIT 1")
    address = f"/console/menpiao/gate/{gate['id']}/change/"
    with member("监管人员 Regulator") as client:
        page = client.get(address)
        assert page.status_code == 200
        assert 'name="_save"' not in page.text
        sent = token(client, "/console/") if 'name="csrf' in client.get("/console/").text else {}
        assert client.post(address, data=sent | {"name": "x"}).status_code == 403
    assert row(park, "SELECT name FROM gate WHERE id = %s", gate["id"])["name"] == gate["name"]


def test_without_a_group_nothing_can_be_seen(member):
    with member("none of these") as client:
        assert {client.get(address).status_code for address in PAGES.values()} == {403}


def test_what_an_operator_made_of_the_groups_stays(tmp_path):
    class Installation:
        database = FreshDatabase(tmp_path)

    try:
        made = rows(Installation, GROUPS)
        assert {one["name"] for one in made} == set(OPEN)
        assert all(one["rights"] for one in made)
        row(Installation, "DELETE FROM auth_group_permissions WHERE group_id ="
            " (SELECT id FROM auth_group WHERE name = '售票员 Clerk')")  # fmt: skip
        row(Installation, "UPDATE auth_group SET name = '闸机' WHERE name = '检票员 Gate staff'")
        changed = rows(Installation, GROUPS)
        environment = os.environ | {
            "MENPIAO_DATABASE_URL": Installation.database.url,
            "MENPIAO_DATA_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "menpiao.compose.django_settings",
        }
        command = [sys.executable, "-c", MIGRATE]
        subprocess.run(command, env=environment, check=True)
        assert rows(Installation, GROUPS) == changed
        # Also where the step is taken a second time, as on a copy of an older installation.
        row(
            Installation,
            "DELETE FROM django_migrations WHERE app = 'menpiao' AND name >= '0020_console_roles'",
        )
        subprocess.run([*command[:2], THE_STEP], env=environment, check=True)
        again = {one["name"]: one["rights"] for one in rows(Installation, GROUPS)}
        assert again["售票员 Clerk"] == 0
    finally:
        Installation.database.drop()
