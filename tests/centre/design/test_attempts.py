"""Limits on attempts, over HTTP and over several processes: guessing ends, working goes on."""

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.support_clock import site_today
from tests.support_db import FreshDatabase, person
from tests.support_pages import _await_ready, hidden
from tests.support_ports import free_port

FORM = "/view/login/"


class Centre:
    """Two serving processes on one database, behind nothing but trusted headers."""

    def __init__(self, folder):
        self.database = FreshDatabase(folder)
        self.environment = os.environ | {
            "MENPIAO_DATABASE_URL": self.database.url,
            "MENPIAO_DATA_DIR": str(folder),
            "MENPIAO_HTTP_TRUSTED_PROXIES": "127.0.0.1",
        }
        self.command = [sys.executable, "-m", "menpiao"]
        park = [*self.command, "park", "--demo", "--days", "2"]
        subprocess.run(park, env=self.environment, check=True, stdout=subprocess.DEVNULL)
        self.addresses, self.processes = [], []
        for _ in range(2):
            port = str(free_port())
            environment = self.environment | {"MENPIAO_HTTP_PORT": port}
            serve = [*self.command, "serve", "booking"]
            self.processes.append(subprocess.Popen(serve, env=environment))
            self.addresses.append(f"http://127.0.0.1:{port}")
        for process, address in zip(self.processes, self.addresses, strict=True):
            _await_ready(process, address)

    @contextlib.contextmanager
    def browser(self, place="203.0.113.5", process=0, **more):
        headers = {"X-Forwarded-For": place, "Accept-Language": "zh-CN"} | more
        with httpx.Client(base_url=self.addresses[process], headers=headers, timeout=30) as client:
            yield client

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(20)
        self.database.drop()


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    centre = Centre(tmp_path_factory.mktemp("centre"))
    yield centre
    centre.stop()


def sign_in(client, name, password, form=FORM):
    fields = hidden(client.get(form).text) | {"username": name, "password": password}
    return client.post(form, data=fields)


def test_guessing_a_password_ends_whichever_process_is_asked(centre):
    with centre.browser("203.0.113.1") as one, centre.browser("203.0.113.1", 1) as two:
        seen = [sign_in((one, two)[n % 2], "manager", f"guess-{n}") for n in range(8)]
        assert [answer.status_code for answer in seen] == [200] * 6 + [429] * 2
        assert "尝试次数过多" in seen[-1].text
        assert 0 < int(seen[-1].headers["retry-after"]) <= 300
        right = sign_in(one, "manager", "demo-manager")
        assert right.status_code == 429, "nothing is tried any more"
        # The office is not locked: a colleague at the same address signs in.
        assert sign_in(two, "supervisor", "demo-supervisor").status_code == 302
    with centre.browser("203.0.113.2") as elsewhere:
        assert sign_in(elsewhere, "manager", "demo-manager").status_code == 302


def test_the_console_has_the_same_limit(centre):
    with centre.browser("203.0.113.9", **{"Accept-Language": "en"}) as client:
        form = "/console/login/"
        seen = [sign_in(client, "supervisor", f"guess-{n}", form) for n in range(7)]
        assert [answer.status_code for answer in seen] == [200] * 6 + [429]
        assert "Too many attempts" in seen[-1].text


def test_attempts_at_the_same_time_do_not_slip_by(centre):
    def guess(n):
        with centre.browser("203.0.113.20", n % 2) as client:
            return sign_in(client, "nobody-here", f"guess-{n}").status_code

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(guess, range(20)))
    assert seen.count(200) == 6
    assert seen.count(429) == 14


def test_a_person_is_not_locked_out_by_strangers(centre):
    with centre.browser("203.0.113.30") as own:
        assert sign_in(own, "clerk", "demo-clerk").status_code == 302
        own.cookies.delete("sessionid")
        for place in range(11):
            with centre.browser(f"198.51.100.{place}", place % 2) as stranger:
                seen = [sign_in(stranger, "clerk", f"guess-{n}").status_code for n in range(6)]
        assert seen == [429] * 6, "the account is closed to strangers everywhere"
        with centre.browser("198.51.100.99") as stranger:
            closed = sign_in(stranger, "clerk", "demo-clerk")
            assert closed.status_code == 429
            assert int(closed.headers["retry-after"]) <= 900
        assert sign_in(own, "clerk", "demo-clerk").status_code == 302
        # The mark of the browser is worth nothing for another name.
        with centre.browser("198.51.100.98") as thief:
            thief.cookies.set("browser", own.cookies["browser"])
            seen = [sign_in(thief, "thief", f"guess-{n}").status_code for n in range(7)]
            assert seen[-1] == 429


def look_up(client, order_no, last4, phone="13800000000"):
    fields = hidden(client.get("/orders/").text)
    fields |= {"order_no": order_no, "phone": phone, "last4": last4}
    return client.post("/orders/", data=fields)


def order(client):
    slots = client.get("/booking/v1/products/1/days?from=2000-01-01").status_code
    assert slots == 200
    slot = client.get(f"/booking/v1/products/1/slots?date={site_today()}").json()[0]["id"]
    number = person(9)
    asked = {
        "token": "attempts-test-token-1",
        "product_id": 1,
        "slot_id": slot,
        "visitors": [{"document_type": "resident_card", "number": number, "name": "李样例"}],
        "phone": "13800000000",
    }
    answer = client.post("/booking/v1/orders", json=asked)
    assert answer.status_code == 201, answer.text
    return answer.json()["order_no"], number[-4:]


def test_guessing_the_end_of_a_number_stops_and_the_buyer_goes_on(centre):
    with centre.browser("203.0.113.40") as buyer, centre.browser("203.0.113.41", 1) as thief:
        order_no, last4 = order(buyer)
        guesses = [f"{n:04d}" for n in range(8) if f"{n:04d}" != last4][:7]
        seen = [look_up(thief, order_no, guess) for guess in guesses]
        assert [answer.status_code for answer in seen] == [422] * 5 + [429] * 2
        assert 0 < int(seen[-1].headers["retry-after"]) <= 900
        assert look_up(thief, order_no, last4).status_code == 429
        for _ in range(8):
            assert look_up(buyer, order_no, last4).status_code == 303


def test_wrong_secrets_stop_and_right_ones_never_do(centre):
    with centre.browser("203.0.113.50") as client:
        path = "/booking/v1/orders/231-4243"
        seen = [client.get(path, headers={"X-Order-Secret": "0" * 24}) for _ in range(102)]
        assert {answer.status_code for answer in seen[:100]} == {404}
        assert [answer.status_code for answer in seen[100:]] == [429, 429]
        assert seen[-1].json()["code"] == "rate_limited"
        assert int(seen[-1].headers["retry-after"]) <= 900
