"""The rules of a gate through the real server: staff, certificates, force, undo, search, zones."""

import asyncio
import json
import secrets
from datetime import timedelta

import pytest
from tests.centre.check.stage import Stage
from tests.support_clock import site_today
from tests.support_db import person, run

from menpiao.domain.pin import hash_pin
from menpiao.domain.ticket import serial_number

PIN = "246810"


def nonce():
    return secrets.token_urlsafe(12)


class Lane(Stage):
    """The stage with two people of the house, and ways to ask."""

    async def __aenter__(self):
        await super().__aenter__()
        for badge, role in (("G1", "clerk"), ("S1", "supervisor")):
            user = await self.pool.fetchval(
                "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name,"
                " email, is_staff, is_active, date_joined)"
                " VALUES ('', false, $1, '', '', '', false, true, now()) RETURNING id",
                badge,
            )
            await self.pool.execute(
                "INSERT INTO staff (site_id, user_id, role, badge, pin_hash)"
                " VALUES ($1, $2, $3, $4, $5)",
                self.park.site,
                user,
                role,
                badge,
                hash_pin(PIN, b"salt"),
            )
        self.authority = await self.head()
        await self.fresh()
        return self

    async def fresh(self):
        await self.app.centre.catalogue.current(fresh=True)

    async def try_(self, **changes):
        ask = self.ask(changes.pop("nonce", None) or nonce(), **changes)
        return await self.http.post("/check/v1/admissions", json=ask, headers=self.authority)

    async def answer(self, **changes):
        response = await self.try_(**changes)
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, path, body):
        return await self.http.post(f"/check/v1/{path}", json=body, headers=self.authority)

    async def ticket(self):
        return await self.pool.fetchrow("SELECT * FROM ticket")


def staff(badge="S1", pin=PIN):
    return {"badge": badge, "pin": pin}


def test_a_dry_run_says_what_would_be_and_leaves_nothing(database):
    async def scene():
        async with Lane(database) as lane:
            dry = await lane.answer(dry_run=True)
            assert (dry["admitted"], dry["people"]) == (True, 3)
            assert await lane.pool.fetchval("SELECT count(*) FROM admission") == 0
            assert (await lane.ticket())["used"] == 0
            assert (await lane.answer())["admitted"]

    run(scene())


def test_a_certificate_is_seen_by_staff_and_it_is_written_down_who(database):
    async def scene():
        async with Lane(database) as lane:
            await lane.pool.execute(
                "UPDATE ticket SET evidence = '学生证', evidence_en = 'student card',"
                " list_fen = price_fen + 4000"
            )
            asked = await lane.answer()
            assert (asked["reason"], asked["missing"]) == ("concession_check", "evidence")
            assert (asked["evidence"], asked["difference_fen"]) == ("学生证", 4000)
            unproved = await lane.try_(evidence_seen=True)
            assert unproved.status_code == 403
            seen = await lane.answer(evidence_seen=True, staff=staff("G1"))
            assert seen["admitted"]
            note = await lane.pool.fetchrow(
                "SELECT n.*, s.badge FROM admission_note n JOIN staff s ON s.id = n.staff_id"
            )
            assert (note["kind"], note["badge"], note["detail"]) == ("evidence", "G1", "学生证")

    run(scene())


def test_only_a_supervisor_forces_and_the_reason_stays(database):
    async def scene():
        async with Lane(database) as lane:
            await lane.pool.execute("UPDATE ticket SET used = people, inside = people")
            assert (await lane.answer())["missing"] == "supervisor"
            clerk = await lane.try_(force="家人在园内", staff=staff("G1"))
            assert (clerk.status_code, clerk.json()["field"]) == (403, "staff")
            forced = await lane.answer(force="家人在园内", staff=staff(), people=1)
            assert (forced["admitted"], forced["reason"], forced["people"]) == (True, "forced", 1)
            note = await lane.pool.fetchrow("SELECT * FROM admission_note")
            assert note["detail"] == "already_used: 家人在园内"
            ticket = await lane.ticket()
            assert ticket["used"] == ticket["people"]

    run(scene())


def test_somebody_without_any_ticket_can_be_let_in_by_force(database):
    async def scene():
        async with Lane(database) as lane:
            other = {"kind": "resident_card", "number": person(9)}
            forced = await lane.answer(credential=other, force="医护人员", staff=staff())
            assert (forced["admitted"], forced["ticket_no"]) == (True, "")

    run(scene())


def test_wrong_pins_are_counted_and_lock_nobody_else_out(database):
    async def scene():
        async with Lane(database) as lane:
            for _ in range(5):
                wrong = await lane.try_(force="x", staff=staff(pin="0000"))
                assert wrong.status_code == 403
            paused = await lane.try_(force="x", staff=staff())
            assert paused.status_code == 429
            other = await lane.try_(force="x", staff=staff("G1"))
            assert other.status_code == 403

    run(scene())


@pytest.mark.parametrize("days", [-1, 0])
def test_a_document_that_has_run_out_is_told_and_stops_nobody(database, days):
    async def scene():
        async with Lane(database) as lane:
            until = (site_today() + timedelta(days=days)).isoformat()
            answer = await lane.answer(document_until=until)
            assert answer["admitted"]
            assert bool(answer["notice_zh"]) == (days < 0)

    run(scene())


def test_who_is_barred_is_not_let_in_and_not_told_why(database):
    async def scene():
        async with Lane(database) as lane:
            await lane.pool.execute(
                "INSERT INTO barred (site_id, id, holder_hash, reason, barred_at)"
                " SELECT site_id, id, holder_hash, '倒票', now() FROM ticket"
            )
            await lane.fresh()
            answer = await lane.answer()
            assert (answer["reason"], answer["admitted"]) == ("barred", False)
            assert "倒票" not in json.dumps(answer, ensure_ascii=False)

    run(scene())


def test_a_full_site_holds_people_back_until_somebody_leaves(database):
    async def scene():
        async with Lane(database) as lane:
            await lane.pool.execute("UPDATE site SET instant_capacity = 10, holds_when_full = true")
            await lane.pool.execute(
                "INSERT INTO flow_bucket (site_id, bucket, gate_id, entries)"
                " VALUES ($1, now(), $2, 10)",
                lane.park.site,
                lane.park.gate,
            )
            await lane.fresh()
            assert (await lane.answer())["reason"] == "site_full"
            assert (await lane.answer(force="团队已登记", staff=staff()))["reason"] == "forced"
            await lane.pool.execute("UPDATE flow_bucket SET exits = 4")
            await lane.pool.execute("UPDATE ticket SET used = 0, inside = 0")
            await lane.fresh()
            assert (await lane.answer())["reason"] == "pass"

    run(scene())


# --- zones ----------------------------------------------------------------------------------------


def test_a_zone_of_the_ticket_is_counted_for_itself(database):
    async def scene():
        async with Lane(database) as lane:
            zone = await lane.pool.fetchval(
                "INSERT INTO zone (site_id, name, name_en, instant_capacity)"
                " VALUES ($1, '溶洞', 'Cave', 0) RETURNING id",
                lane.park.site,
            )
            await lane.pool.execute(
                "INSERT INTO product_zone (product_id, zone_id, entries) VALUES ($1, $2, 1)",
                lane.park.product,
                zone,
            )
            await lane.pool.execute(
                "INSERT INTO ticket_zone (site_id, ticket_id, zone_id, allowed)"
                " SELECT site_id, id, $1, people FROM ticket",
                zone,
            )
            await lane.pool.execute(
                "UPDATE gate SET zone_id = $1, needs_inside = true, people_per_scan = 1"
                " WHERE id = $2",
                zone,
                lane.park.exit,
            )
            await lane.pool.execute(
                "UPDATE gate SET direction = 'entry' WHERE id = $1", lane.park.exit
            )
            await lane.fresh()
            cave = {"gate_id": lane.park.exit}
            assert (await lane.answer(**cave))["reason"] == "not_inside"
            assert (await lane.answer())["people"] == 3
            reasons = [(await lane.answer(**cave))["reason"] for _ in range(4)]
            assert reasons == ["pass", "pass", "pass", "zone_used_up"]
            row = await lane.pool.fetchrow("SELECT * FROM ticket_zone")
            assert (row["used"], row["inside"]) == (3, 3)
            assert (await lane.ticket())["inside"] == 3

    run(scene())


# --- taking back ----------------------------------------------------------------------------------


def test_an_admission_is_taken_back_once_and_can_be_made_again(database):
    async def scene():
        async with Lane(database) as lane:
            first = nonce()
            assert (await lane.answer(nonce=first))["people"] == 3
            body = {"nonce": nonce(), "of_nonce": first, "gate_id": lane.park.gate}
            undone = await lane.post("undos", body)
            assert (undone.status_code, undone.json()["remaining"]) == (200, 3)
            again = await lane.post("undos", body)
            assert again.json() == undone.json()
            twice = await lane.post("undos", body | {"nonce": nonce()})
            assert (twice.status_code, twice.json()["code"]) == (422, "undo_not_possible")
            ticket = await lane.ticket()
            assert (ticket["used"], ticket["inside"], ticket["first_in_at"]) == (0, 0, None)
            assert await lane.pool.fetchval("SELECT sum(people) FROM admission") == 0
            assert (await lane.answer())["people"] == 3

    run(scene())


def test_after_a_quarter_of_an_hour_a_supervisor_is_needed(database):
    async def scene():
        async with Lane(database) as lane:
            first = nonce()
            await lane.answer(nonce=first)
            await lane.pool.execute("UPDATE admission SET at = at - interval '16 minutes'")
            body = {"nonce": nonce(), "of_nonce": first, "gate_id": lane.park.gate}
            late = await lane.post("undos", body)
            assert late.json()["code"] == "undo_too_late"
            by_clerk = await lane.post("undos", body | {"staff": staff("G1")})
            assert by_clerk.json()["code"] == "undo_too_late"
            done = await lane.post("undos", body | {"staff": staff(), "reason": "误刷"})
            assert done.status_code == 200
            note = await lane.pool.fetchrow("SELECT * FROM admission_note WHERE kind = 'undoes'")
            assert (note["detail"], note["refers_to"] is not None) == ("误刷", True)

    run(scene())


# --- people without a document --------------------------------------------------------------------


def test_staff_find_a_ticket_by_order_or_telephone_and_ask_by_its_number(database):
    async def scene():
        async with Lane(database) as lane:
            await lane.pool.execute("UPDATE orders SET state = 'paid'")
            base = {"staff": staff("G1"), "gate_id": lane.park.gate}
            by_phone = (await lane.post("searches", base | {"phone_end": "0000"})).json()
            (found,) = by_phone["tickets"]
            assert found["holder"] == "李**"
            assert person(1) not in json.dumps(by_phone)
            by_order = (await lane.post("searches", base | {"order_no": found["order_no"]})).json()
            assert by_order == by_phone
            assert (await lane.post("searches", base | {"phone_end": "9999"})).json() == {
                "tickets": []
            }
            wrong = await lane.post("searches", base | {"staff": staff(pin="9999")})
            assert wrong.status_code == 403
            number = {"kind": "ticket", "number": found["ticket_no"]}
            assert (await lane.try_(credential=number)).status_code == 403
            answer = await lane.answer(credential=number, staff=staff("G1"))
            assert (answer["admitted"], answer["ticket_no"]) == (True, found["ticket_no"])

    run(scene())


def test_of_two_tickets_of_one_holder_the_one_that_was_chosen_is_used(database):
    async def scene():
        async with Lane(database) as lane:
            await lane.pool.execute(
                "CREATE TEMP TABLE more AS SELECT * FROM ticket;"
                "UPDATE more SET id = id + 1, product_class = 'more',"
                " closes_at = closes_at + interval '1 hour';"
                "INSERT INTO ticket SELECT * FROM more"
            )
            second = await lane.pool.fetchval("SELECT max(id) FROM ticket")
            number = {"kind": "ticket", "number": serial_number(second)}
            key = nonce()
            answer = await lane.answer(nonce=key, credential=number, staff=staff("G1"))
            assert (answer["admitted"], answer["ticket_no"]) == (True, serial_number(second))
            used = await lane.pool.fetch("SELECT id, used FROM ticket ORDER BY id")
            assert [row["used"] for row in used] == [0, 3]
            first = {"kind": "ticket", "number": serial_number(second - 1)}
            other = await lane.try_(nonce=key, credential=first, staff=staff("G1"))
            assert other.status_code == 409

    run(scene())


# --- people of the house at a lane ----------------------------------------------------------------


def test_staff_sign_in_with_badge_and_pin_and_not_for_ever(database):
    async def scene():
        async with Lane(database) as lane:

            def body(badge, pin=PIN):
                return {"gate_id": lane.park.gate, "staff": staff(badge, pin)}

            known = await lane.post("staff", body("S1"))
            assert known.json() == {"badge": "S1", "role": "supervisor", "supervisor": True}
            assert (await lane.post("staff", body("G1"))).json()["supervisor"] is False
            other = body("G1") | {"gate_id": 999}
            assert (await lane.post("staff", other)).json()["field"] == "gate_id"
            wrong = [(await lane.post("staff", body("G1", "0000"))).status_code for _ in range(6)]
            assert wrong == [403] * 5 + [429]

    run(scene())


def test_guesses_made_at_once_are_counted_like_those_made_one_by_one(database):
    async def scene():
        async with Lane(database) as lane:
            body = {"gate_id": lane.park.gate, "staff": staff("G1", "0000")}
            said = await asyncio.gather(*(lane.post("staff", body) for _ in range(12)))
            told = sorted(r.json()["detail"] for r in said if r.status_code == 403)
            assert told == ["0", "1", "2", "3", "4"]
            assert sum(r.status_code == 429 for r in said) == 7

    run(scene())


def test_a_typed_document_needs_a_supervisor_and_it_is_written_down(database):
    async def scene():
        async with Lane(database) as lane:
            assert (await lane.try_(by_hand=True)).status_code == 403
            clerk = await lane.try_(by_hand=True, staff=staff("G1"))
            assert (clerk.status_code, clerk.json()["field"]) == (403, "staff")
            assert (await lane.answer(by_hand=True, staff=staff()))["admitted"]
            note = await lane.pool.fetchrow(
                "SELECT n.kind, s.badge FROM admission_note n JOIN staff s ON s.id = n.staff_id"
            )
            assert tuple(note) == ("by_hand", "S1")
            twisted = {"kind": "resident_card", "number": person(1)[:-1] + "?"}
            bad = await lane.answer(by_hand=True, staff=staff(), credential=twisted)
            assert bad["reason"] == "document_invalid"

    run(scene())
