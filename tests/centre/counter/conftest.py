"""A counter on a real database: the real command, a clerk signed in through the real pages."""

import secrets

import pytest
from tests.support_db import person
from tests.support_pages import hidden, served_park

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
