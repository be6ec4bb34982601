"""A ticket's code at the check server: which ticket, whose signature, and how often."""

import asyncio
from datetime import timedelta

from tests.centre.check.test_gate_rules import Lane, nonce
from tests.support_db import run

from menpiao.domain.ticket import parse_serial, serial_number
from menpiao.storage.ticket_codes import TicketCodes


class Shown(Lane):
    """The stage with a paid order, whose buyer has its code."""

    async def __aenter__(self):
        await super().__aenter__()
        await self.pool.execute("UPDATE orders SET state = 'paid'")
        self.order = await self.view()
        (ticket,) = self.order["tickets"]
        self.ticket_no, self.code = ticket["ticket_no"], ticket["code"]
        return self

    async def view(self):
        row = await self.pool.fetchrow("SELECT site_id, id FROM orders")
        secret = self.app.centre.booking.secret(row["site_id"], row["id"])
        number = serial_number(row["id"])
        head = {"x-order-secret": secret}
        answer = await self.http.get(f"/booking/v1/orders/{number}", headers=head)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def show(self, text, **more):
        return await self.answer(credential={"kind": "code", "number": text}, **more)


def test_the_code_of_a_paid_ticket_lets_in_once_and_is_the_same_ticket_as_the_card(database):
    async def scene():
        async with Shown(database) as lane:
            key = nonce()
            first = await lane.show(lane.code, nonce=key)
            assert (first["admitted"], first["people"]) == (True, 3)
            assert first["ticket_no"] == lane.ticket_no
            assert await lane.show(lane.code, nonce=key) == first
            assert (await lane.show(lane.code))["reason"] == "already_used"
            assert (await lane.answer())["reason"] == "already_used"
            rows = await lane.pool.fetch("SELECT DISTINCT ticket_id FROM admission")
            assert [row["ticket_id"] for row in rows] == [parse_serial(lane.ticket_no)]

    run(scene())


def test_card_and_code_at_the_same_moment_let_in_as_many_as_the_ticket(database):
    async def scene():
        async with Shown(database) as lane:
            by_code = [lane.show(lane.code) for _ in range(5)]
            by_card = [lane.answer() for _ in range(5)]
            answers = await asyncio.gather(*by_code, *by_card)
            assert sum(answer["people"] for answer in answers) == 3

    run(scene())


def test_what_this_centre_has_not_signed_is_no_code(database):
    async def scene():
        async with Shown(database) as lane:
            ticket_id = parse_serial(lane.ticket_no)
            day = (await lane.ticket())["closes_at"].date()
            forged = TicketCodes(b"another").write(lane.park.site, ticket_id, day)
            for text in (forged, lane.code[:-9] + "ABCDEFGH2", "MP1", "https://example.cn/"):
                answer = await lane.show(text)
                assert (answer["reason"], answer["missing"]) == ("code_invalid", "")
            own = TicketCodes(lane.app.centre.keys.get("ticket_codes"))
            elsewhere = own.write(lane.park.site + 1, ticket_id, day)
            assert (await lane.show(elsewhere))["reason"] == "wrong_site"
            nobody = own.write(lane.park.site, ticket_id + 1, day)
            assert (await lane.show(nobody))["admitted"] is False
            assert (await lane.ticket())["used"] == 0

    run(scene())


def test_a_ticket_that_was_moved_has_another_code_and_a_returned_one_has_none(database):
    async def scene():
        async with Shown(database) as lane:
            later = timedelta(days=1)
            await lane.pool.execute("UPDATE ticket SET closes_at = closes_at + $1", later)
            assert (await lane.show(lane.code))["reason"] == "no_ticket"
            (moved,) = (await lane.view())["tickets"]
            assert moved["code"] != lane.code
            assert (await lane.show(moved["code"]))["admitted"]
            await lane.pool.execute("UPDATE ticket SET state = 'refunded'")
            assert (await lane.view())["tickets"][0]["code"] == ""
            assert (await lane.show(moved["code"]))["reason"] == "refunded"

    run(scene())


def test_an_unpaid_order_has_no_code(database):
    async def scene():
        async with Shown(database) as lane:
            await lane.pool.execute("UPDATE orders SET state = 'awaiting_payment'")
            assert (await lane.view())["tickets"][0]["code"] == ""

    run(scene())
