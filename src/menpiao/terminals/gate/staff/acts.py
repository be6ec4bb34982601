"""What staff do, made into asks of the lane and errands to the centre."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import structlog

from menpiao.domain.document_types import DocumentType
from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.terminals.gate.staff import messages as page
from menpiao.terminals.gate.staff.desk import Desk, SeenScan, StaffAct
from menpiao.terminals.gate.staff.showing import shown, texts, ticket, wrong_pin
from menpiao.terminals.parts.link.base import Errands, LinkFailure, LinkTrouble
from menpiao.wire.check import (
    Answer,
    Ask,
    Credential,
    FoundTickets,
    Message,
    Problem,
    Search,
    SignIn,
    StaffKnown,
    StaffProof,
    Undo,
)

log = structlog.get_logger(__name__)

_OK: Final = 200
_ACT_S: Final = 15.0
_KINDS: Final = frozenset(kind.value for kind in DocumentType)
_PIN: Final = "staff.pin"
_PROOF_CODES: Final = frozenset({Reason.NOT_PERMITTED.value, Reason.RATE_LIMITED.value})


class Acts:
    """The acts of one lane's staff."""

    def __init__(
        self,
        gate_id: int,
        desk: Desk,
        errands: Errands,
        deliver: Callable[[StaffAct], None],
        utc_offset_s: Callable[[], int] = lambda: 28_800,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask through ``deliver``, the lane's controller; the rest goes by ``errands``."""
        self._gate_id = gate_id
        self._desk = desk
        self._errands = errands
        self._deliver = deliver
        self._now = now
        self._one = asyncio.Lock()
        self._answered: dict[str, Answer] = {}
        self._utc_offset_s = utc_offset_s

    async def sign_in(self, proof: StaffProof) -> StaffKnown | page.Reply:
        """Who this is, or why nobody is let in."""
        body = SignIn(gate_id=self._gate_id, staff=proof)
        status, answer = await self._errand("/staff", body)
        if status == _OK:
            return msgspec.json.decode(answer, type=StaffKnown)
        return _no(status, answer)

    async def confirm(self, asked: page.Confirm, proof: StaffProof) -> page.Reply:
        """The certificate has been seen."""
        if self._known(asked.nonce) is not None:
            return self._reply(asked.id, asked.nonce)
        scan = self._desk.scan(asked.of)
        if scan is None or scan.ask is None:
            return texts(asked.id, "forgotten")
        if not isinstance(scan.outcome, Answer) or scan.outcome.missing != "evidence":
            return texts(asked.id, "nothing_to_see")
        return await self._again(asked, scan.ask, proof, evidence_seen=True)

    async def force(self, asked: page.Force, proof: StaffProof) -> page.Reply:
        """A supervisor lets them in."""
        why = next((w for w in page.FORCE_REASONS if w.code == asked.reason), None)
        note = asked.note.strip()
        if self._known(asked.nonce) is not None:
            return self._reply(asked.id, asked.nonce)
        if why is None or (why.code == "other" and not note):
            return texts(asked.id, "say_why", field="note")
        scan = self._desk.scan(asked.of)
        if scan is None or scan.ask is None:
            return texts(asked.id, "forgotten")
        reason = f"{why.zh}：{note}" if note else why.zh
        return await self._again(asked, scan.ask, proof, force=reason, people=asked.people)

    async def _again(
        self, asked: page.Confirm | page.Force, ask: Ask, proof: StaffProof, **changes: object
    ) -> page.Reply:
        """The same document once more, with what it lacked."""
        fresh = msgspec.structs.replace(
            ask, nonce=asked.nonce, at=self._now(), staff=proof, dry_run=False, **changes
        )
        return await self._ask(asked.id, fresh)

    async def enter(self, asked: page.Enter, proof: StaffProof | None) -> page.Reply:
        """A document's number by hand: checked where every number is."""
        if asked.kind not in _KINDS:
            return texts(asked.id, Reason.BAD_REQUEST)
        number = asked.number.strip().upper()
        ask = Ask(
            nonce=asked.nonce,
            credential=Credential(kind=asked.kind, number=number),
            gate_id=self._gate_id,
            at=self._now(),
            people=asked.people,
            dry_run=asked.dry_run,
            by_hand=not asked.dry_run,
            staff=None if asked.dry_run else proof,
        )
        return await self._ask(asked.id, ask)

    async def choose(self, asked: page.Choose, proof: StaffProof) -> page.Reply:
        """A ticket that was looked up."""
        ask = Ask(
            nonce=asked.nonce,
            credential=Credential(kind="ticket", number=asked.ticket_no),
            gate_id=self._gate_id,
            at=self._now(),
            people=asked.people,
            evidence_seen=asked.evidence_seen,
            staff=proof,
        )
        return await self._ask(asked.id, ask)

    async def find(self, asked: page.Find, proof: StaffProof) -> page.Reply:
        """Tickets of somebody without a document."""
        body = Search(
            staff=proof,
            gate_id=self._gate_id,
            order_no=asked.order_no.replace(" ", ""),
            phone_end=asked.phone_end,
        )
        status, answer = await self._errand("/searches", body)
        if status != _OK:
            return msgspec.structs.replace(_no(status, answer), id=asked.id)
        found = msgspec.json.decode(answer, type=FoundTickets)
        tickets = [ticket(one, self._utc_offset_s()) for one in found.tickets]
        return page.Reply(id=asked.id, ok=True, tickets=tickets)

    async def take_back(self, asked: page.TakeBack, proof: StaffProof) -> page.Reply:
        """An admission of this lane."""
        scan = self._desk.scan(asked.of)
        if scan is None or not _let_in(scan):
            return texts(asked.id, Reason.UNDO_NOT_POSSIBLE)
        body = Undo(
            nonce=asked.nonce,
            of_nonce=asked.of,
            gate_id=self._gate_id,
            reason=asked.reason,
            staff=proof,
        )
        status, answer = await self._errand("/undos", body)
        if status != _OK:
            return msgspec.structs.replace(_no(status, answer), id=asked.id)
        self._desk.undone(asked.of)
        words = WORDINGS[Reason.UNDONE]
        return page.Reply(id=asked.id, ok=True, zh=words.zh, en=words.en)

    async def _ask(self, question: str, ask: Ask) -> page.Reply:
        """Let the lane ask; an act that was answered is not done twice."""
        if self._known(ask.nonce) is None:
            done: asyncio.Future[Answer | LinkFailure] = asyncio.get_running_loop().create_future()
            self._deliver(StaffAct(ask, done))
            try:
                async with asyncio.timeout(_ACT_S):
                    outcome = await done
            except TimeoutError:
                outcome = LinkFailure(LinkTrouble.TIMED_OUT)
            if isinstance(outcome, LinkFailure):
                return _failed(question, outcome)
            self._remember(ask.nonce, outcome)
        return self._reply(question, ask.nonce)

    def _known(self, nonce: str) -> Answer | None:
        """What an act has come to already, though its page may not have heard it."""
        scan = self._desk.scan(nonce)
        if scan is not None and isinstance(scan.outcome, Answer):
            return scan.outcome
        return self._answered.get(nonce)

    def _reply(self, question: str, nonce: str) -> page.Reply:
        known = self._known(nonce)
        assert known is not None
        return page.Reply(
            id=question,
            ok=known.admitted,
            zh=known.zh,
            en=known.en,
            code=known.reason,
            shown=shown(known, self._utc_offset_s()),
        )

    def _remember(self, nonce: str, answer: Answer) -> None:
        self._answered[nonce] = answer
        if len(self._answered) > 200:
            del self._answered[next(iter(self._answered))]

    async def _errand(self, path: str, body: Message) -> tuple[int, bytes]:
        """Status and answer; 0: there was none."""
        octets = msgspec.json.encode(body)
        async with self._one:
            try:
                return await asyncio.to_thread(self._errands.call, "POST", path, octets)
            except OSError as error:
                log.warning("staff_errand_failed", path=path, kind=type(error).__name__)
                return 0, b""


def _let_in(scan: SeenScan) -> bool:
    return isinstance(scan.outcome, Answer) and scan.outcome.admitted and not scan.dry_run


def can_undo(scan: SeenScan, age: timedelta, *, supervisor: bool, within: timedelta) -> bool:
    """Whether to offer to take a scan back."""
    return _let_in(scan) and not scan.undone and (supervisor or age < within)


def _failed(question: str, failure: LinkFailure) -> page.Reply:
    """Why the lane has no answer."""
    if failure.trouble is LinkTrouble.FAULT and failure.code:
        reply = texts(question, failure.code)
        return msgspec.structs.replace(reply, field=_field(failure.code))
    if failure.trouble is LinkTrouble.TIMED_OUT:
        return msgspec.structs.replace(texts(question, "no_answer"), again=True)
    if failure.reason in {Reason.WALK_THROUGH, Reason.NEEDS_STAFF}:
        return texts(question, failure.reason)
    return texts(question, "offline")


def _no(status: int, answer: bytes) -> page.Reply:
    """Why an errand came to nothing."""
    if status == 0:
        return msgspec.structs.replace(texts("", "no_answer"), again=True)
    try:
        problem = msgspec.json.decode(answer, type=Problem)
    except msgspec.MsgspecError:
        return texts("", Reason.FAULT)
    if problem.field == _PIN and problem.detail.isdigit():
        return wrong_pin(int(problem.detail))
    return msgspec.structs.replace(texts("", problem.code), field=_field(problem.code))


def _field(code: str) -> page.Field:
    return "pin" if code in _PROOF_CODES else ""
