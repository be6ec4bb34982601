"""What console tests do: sign in, send forms as a browser would, and ask as a lane would."""

import base64
import contextlib
import html
import json
import re
import secrets
import time

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import dict_row
from tests.centre.check.stage import b64, raw_key
from tests.support_clock import site_today
from tests.support_pages import hidden
from websockets.sync.client import connect

from menpiao.domain.document import DocumentType, parse_document
from menpiao.domain.identity import day_hash
from menpiao.storage.database.catalogue import MAX_AGE_S
from menpiao.wire.bundle import unpack_barred
from menpiao.wire.check import LINK_SUBPROTOCOL, proof_text


def sign_in(client, name):
    fields = hidden(client.get("/console/login/").text)
    sent = {"username": name, "password": f"demo-{name}", "next": "/console/"}
    return client.post("/console/login/", data=fields | sent)


def token(client, address):
    return {"csrfmiddlewaretoken": hidden(client.get(address).text)["csrfmiddlewaretoken"]}


def row(park, query, *values):
    with psycopg.connect(park.database.url, row_factory=dict_row) as connection:
        found = connection.execute(query, values)
        return found.fetchone() if found.description else None


def rows(park, query, *values):
    with psycopg.connect(park.database.url, row_factory=dict_row) as connection:
        return connection.execute(query, values).fetchall()


def errors(answer):
    """What the form says is wrong, as text."""
    lists = re.findall(r'<ul class="errorlist.*?</ul>', answer.text, re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", "", one) for one in lists))


def words(text):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def alarm(client, address):
    """How many wait, as the head of the console says beside the way there; 0: it says nothing."""
    index = client.get("/console/").text
    found = re.search(rf'class="console-alarm" href="{address}\?[^>]*>([^<]*)<', index)
    return int(re.search(r"\d+", found[1])[0]) if found else 0


class Lane:
    """A terminal of the park's first gate, over HTTP."""

    def __init__(self, park):
        self.park, self.key = park, Ed25519PrivateKey.generate()
        self.client = park.client()

    def __enter__(self):
        self.gate = row(self.park, "SELECT id, site_id FROM gate ORDER BY id LIMIT 1")
        self.device = row(
            self.park,
            "INSERT INTO device (site_id, name, public_key, enrolled_at)"
            " VALUES (%s, 'lane', %s, now()) RETURNING id",
            self.gate["site_id"],
            raw_key(self.key),
        )["id"]
        row(
            self.park,
            "INSERT INTO device_gates (device_id, gate_id) SELECT %s, id FROM gate",
            self.device,
        )
        self.settle()
        challenge = self.client.post("/check/v1/challenges").json()["challenge"]
        session = self.client.post("/check/v1/sessions", json=self.proof(challenge))
        assert session.status_code == 200, session.text
        self.client.headers["Authorization"] = f"Bearer {session.json()['token']}"
        return self

    def __exit__(self, *_):
        self.client.close()

    def settle(self):
        """As long as the server may go by what was arranged before."""
        time.sleep(MAX_AGE_S + 0.1)

    def ask(self, number, **changes):
        sent = {
            "type": "ask",
            "nonce": secrets.token_urlsafe(12),
            "gate_id": self.gate["id"],
            "credential": {"kind": "resident_card", "number": number},
        }
        return self.client.post("/check/v1/admissions", json=sent | changes)

    def proof(self, challenge):
        signature = b64(self.key.sign(proof_text(self.device, challenge)))
        sent = {"type": "proof", "device_id": self.device, "challenge": challenge}
        return sent | {"signature": signature}

    @contextlib.contextmanager
    def following(self):
        """What a lane hears of barred documents: call with a number and what is to be heard."""
        day = site_today()
        manifest = self.client.get(f"/check/v1/bundles/{day}").json()
        key = base64.urlsafe_b64decode(manifest["hash_key"] + "=")
        url = f"ws{self.park.address.removeprefix('http')}/check/v1/link"
        with connect(url, subprotocols=[LINK_SUBPROTOCOL]) as link:
            link.send(json.dumps(self.proof(json.loads(link.recv())["challenge"])))
            assert json.loads(link.recv())["type"] == "welcome"
            follow = {"type": "follow", "day": str(day), "horizon": manifest["horizon"]}
            link.send(json.dumps(follow))

            def hashed(number):
                return day_hash(key, parse_document(DocumentType.RESIDENT, number, day))

            def heard(number, *, barred, but_not=""):
                holder = hashed(number)
                for _ in range(40):
                    message = json.loads(link.recv(timeout=20))
                    listed = message.get("barred") if message["type"] == "changes" else None
                    if listed is not None and (holder in unpack_barred(listed)) is barred:
                        assert not but_not or hashed(but_not) not in unpack_barred(listed)
                        return
                raise AssertionError(f"not heard: {barred}")

            yield heard

    def buy(self, number, product="day"):
        """A paid ticket for today."""
        site, day = self.gate["site_id"], site_today()
        slot = row(
            self.park,
            "SELECT s.id, s.product_id FROM slot s JOIN product p ON p.id = s.product_id"
            " WHERE p.code = %s AND s.visit_date = %s AND s.site_id = %s AND s.ends_at > now()"
            " ORDER BY s.starts_at LIMIT 1",
            product,
            day,
            site,
        )
        visitor = {
            "document_type": "resident_card",
            "number": number,
            "name": "李样例",
            "people": 1,
        }
        order = {
            "token": secrets.token_urlsafe(15),
            "product_id": slot["product_id"],
            "slot_id": slot["id"],
            "phone": "13800000000",
            "visitors": [visitor],
        }
        bought = self.client.post("/booking/v1/orders", json=order)
        assert bought.status_code == 201, bought.text
        row(self.park, "UPDATE ticket SET state = 'valid' WHERE state = 'held'")
        return row(self.park, "SELECT max(id) AS id FROM ticket")["id"]
