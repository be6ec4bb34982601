"""A counter on a real database: the real command, a clerk signed in through the real pages."""

import asyncio
import contextlib
import os
import secrets
import threading

import pytest
from tests.support_db import person
from tests.support_pages import hidden, served_park

from menpiao.simulation.payment import make_merchant, running

_people = iter(range(100, 400))


class Window:
    """A clerk at a window: a session, a page's ticket, the doors."""

    def __init__(self, client):
        self.client = client
        self.ticket = ""

    def sign_in(self, name="clerk", word="demo-clerk"):
        page = self.client.get("/view/login/?next=/counter/").text
        form = hidden(page) | {"username": name, "password": word}
        answer = self.client.post("/view/login/", data=form)
        ticket = self.client.get("/counter/ticket/")
        if ticket.status_code == 200:
            self.ticket = ticket.json()["ticket"]
        return answer

    def ask(self, method, path, body=None):
        head = {"Authorization": f"Bearer {self.ticket}"}
        return self.client.request(method, f"/counter/v1/{path}", json=body, headers=head)

    def sale(self, **changes):
        offer = self.ask("GET", "offer").json()
        product = next(p for p in offer["products"] if p["name"] == "全天门票")
        asked = {
            "token": secrets.token_hex(12),
            "product_id": product["id"],
            "slot_id": product["slots"][0]["id"],
            "visitors": [visitor()],
            "means": "cash",
            "expected_fen": 12000,
        }
        return asked | changes


def visitor(**changes):
    number = person(next(_people))
    return {"document_type": "resident_card", "number": number, "name": "李样例"} | changes


@pytest.fixture(scope="module")
def served():
    with served_park("counter") as park:
        yield park


@pytest.fixture
def window(served):
    with served.client() as client:
        at = Window(client)
        at.sign_in()
        yield at


class World:
    """What stands outside: printer and payment platform, on a loop of their own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    @contextlib.contextmanager
    def enter(self, manager):
        thing = self.do(manager.__aenter__())
        try:
            yield thing
        finally:
            self.do(manager.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.loop.call_soon_threadsafe(made.loop.stop)
    made.thread.join(10)
    made.loop.close()


@pytest.fixture(scope="module")
def platform(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    make_merchant(folder)
    with world.enter(running(folder)) as sim:
        yield sim, folder


@pytest.fixture(scope="module")
def pages(platform):
    sim, folder = platform
    merchant = make_merchant(
        folder, base_url=sim.base_url, notify_url="http://127.0.0.1:9/commerce/v1/none"
    )
    names = [name for name in merchant.__struct_fields__ if getattr(merchant, name)]
    ours = {f"MENPIAO_WECHAT_{name.upper()}": str(getattr(merchant, name)) for name in names}
    before = dict(os.environ)
    os.environ.update(ours)
    try:
        with served_park() as served:
            yield served
    finally:
        os.environ.clear()
        os.environ.update(before)


def sign_in(browser, pages, agent=1, **options):
    context = browser.new_context(**({"locale": "zh-CN"} | options))
    page = context.new_page()
    page.broken = []
    page.on("pageerror", lambda error: page.broken.append(str(error)))
    page.on(
        "console",
        lambda said: page.broken.append(said.text) if "Security Policy" in said.text else 0,
    )
    page.goto(f"{pages.address}/counter/?agent={agent}")
    page.fill("[name=username]", "clerk")
    page.fill("[name=password]", "demo-clerk")
    page.press("[name=password]", "Enter")
    page.wait_for_selector("#slot option", state="attached")
    return page
