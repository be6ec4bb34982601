"""The central controller (patent part 302): from a card to an answer on screen and paper.

One task takes events one after the other. Nobody is admitted but by a decision whose nonce is
that of the very ask that was noted in the journal before.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

import structlog

from menpiao.domain.reasons import Reason
from menpiao.domain.ticket_code import CODE_KIND, read_code
from menpiao.terminals.gate.config import Delays
from menpiao.terminals.gate.decider import Decider, Mode, ModeChanged
from menpiao.terminals.gate.journal import Journal, Outcome
from menpiao.terminals.gate.noting import Noting
from menpiao.terminals.gate.passing import Passing
from menpiao.terminals.gate.presentations import Presentations
from menpiao.terminals.gate.slips import Slips
from menpiao.terminals.gate.staff.desk import Desk, StaffAct
from menpiao.terminals.gate.states import RESTING, SHOWING, GateState, check_step
from menpiao.terminals.gate.troubles import Troubles
from menpiao.terminals.gate.views import Place, Views, place_of
from menpiao.terminals.parts.barrier.base import (
    AlarmChanged,
    Barrier,
    BarrierEvent,
    BarrierFault,
    BarrierReady,
    CountersReset,
    Direction,
    Hold,
    HoldChanged,
    Opened,
    OpeningEnded,
    Passed,
)
from menpiao.terminals.parts.display.base import Display, View
from menpiao.terminals.parts.link.base import (
    Greeted,
    LateAnswer,
    LinkChanged,
    LinkEvent,
    LinkFailure,
    LinkState,
    LinkTrouble,
)
from menpiao.terminals.parts.reader.base import (
    LONG_TERM,
    CardPresented,
    CardProvisional,
    CardUnreadable,
    CardWithdrawn,
    ReaderEvent,
    ReaderFault,
    ReaderReady,
    Unreadable,
)
from menpiao.terminals.parts.scanner.base import CodeScanned
from menpiao.wire.check import Acknowledged, Answer, Ask, Change, Command, Credential
from menpiao.wire.fleet import Configure

log = structlog.get_logger(__name__)

LaneEvent = ReaderEvent | CodeScanned | LinkEvent | BarrierEvent | ModeChanged | StaffAct
"""Whatever a part of the lane may tell."""
_CARDS_WAITING_MOST = 4
_STAFF_ASK_S = 4.0
"""A PIN is verified slowly, on purpose."""
_HOLDS = {"hold_open": Hold.OPEN, "hold_closed": Hold.CLOSED, "release": Hold.NONE}


def random_nonce() -> str:
    """128 random bits as text."""
    return secrets.token_urlsafe(16)


class Controller:
    """One lane. ``clock`` gives the time in UTC; ``new_nonce`` is never twice the same."""

    def __init__(  # noqa: PLR0913 - the parts of a lane, each by its name
        self,
        gate_id: int,
        decider: Decider,
        display: Display,
        journal: Journal,
        slips: Slips,
        *,
        barrier: Barrier | None = None,
        delays: Delays | None = None,
        desk: Desk | None = None,
        acknowledge: Callable[[Acknowledged], None] = lambda _: None,
        reload: Callable[[], Awaitable[bool]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_nonce: Callable[[], str] = random_nonce,
    ) -> None:
        self._gate_id = gate_id
        self._decider = decider
        self._display = display
        self._journal = journal
        self._slips = slips
        self._delays = delays or Delays()
        self._acknowledge = acknowledge
        self._reload = reload
        self._reloading: set[asyncio.Task[None]] = set()
        self._notice: tuple[str, float] | None = None
        self._clock = clock
        self._desk = desk or Desk()
        self._views = Views()
        self._troubles = Troubles()
        self._cards = Presentations(
            self._delays.same_card_s, self._delays.repeat_nonce_s, new_nonce
        )
        self._noting = Noting(journal, gate_id, clock)
        self._passing = Passing(barrier, journal, gate_id, clock, self._delays.pass_within_s)
        self._troubles.barrier = barrier is not None
        self._events: asyncio.Queue[LaneEvent] = asyncio.Queue()
        self._state = GateState.OUT_OF_SERVICE
        self._shown_at = 0.0
        self._probed_at = 0.0
        self._admitted: View | None = None

    @property
    def state(self) -> GateState:
        """Where the lane is."""
        return self._state

    @property
    def place(self) -> Place:
        """Where the lane is, as the centre names it."""
        return self._views.place

    def retime(self, delays: Delays) -> None:
        """Other delays from now on; what is being shown is shown by them too."""
        self._delays = delays
        self._cards.retime(delays.same_card_s, delays.repeat_nonce_s)
        self._passing.retime(delays.pass_within_s)

    def deliver(self, event: LaneEvent) -> None:
        """Take an event of a part; never blocks."""
        is_card = isinstance(event, CardPresented | CardUnreadable | CodeScanned)
        if is_card and self._events.qsize() >= _CARDS_WAITING_MOST:
            # Its holder would be gone before the answer: nobody's ticket is used up unseen.
            log.warning("card_dropped")
            return
        self._events.put_nowait(event)

    async def run(self) -> None:
        """Serve the lane until cancelled."""
        self._rest()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._passing.run(self.deliver), name="passing")
            await self._serve()

    async def _serve(self) -> None:
        while True:
            event = await self._next()
            try:
                await self._handle(event)
            except Exception:  # whatever went wrong, nobody is admitted and the lane goes on
                log.exception("lane_mishap", state=self._state.value)
                self._state = GateState.SHOWING_REFUSE
                self._shown_at = self._now_s()
                self._display.show(self._views.refusal(Reason.NEEDS_STAFF))

    async def _next(self) -> LaneEvent | None:
        """The next event; None when an answer was shown long enough, or it is time to look."""
        wait_s = None
        if self._state in SHOWING:
            wait_s = max(0.0, self._shown_at + self._delays.hold_s - self._now_s())
        else:
            ends = [self._notice[1]] if self._notice else []
            if self._troubles.journal:
                ends.append(self._probed_at + self._delays.probe_s)
            wait_s = max(0.0, min(ends) - self._now_s()) if ends else None
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await self._events.get()
        return None

    async def _handle(self, event: LaneEvent | None) -> None:
        match event:
            case CardPresented() | CardUnreadable():
                await self._card(event)
            case CardProvisional() | CardWithdrawn():
                await self._ahead(event)
                return
            case CodeScanned():
                await self._code(event.text)
            case StaffAct():
                await self._act(event)
            case ReaderFault() | ReaderReady():
                self._troubles.reader = isinstance(event, ReaderFault)
            case LinkChanged():
                self._troubles.link = event.state is not LinkState.UP
                self._troubles.refused = event.reason
                self._views.link = event.state.value
            case Greeted():
                self._views.place = place_of(event.welcome, self._gate_id)
                leaves = self._views.place.direction == "exit"
                self._passing.direction = Direction.OUT if leaves else Direction.IN
            case LateAnswer():
                await self._note(event.answer, "late")
            case Command():
                self._command(event)
            case Change() | Configure():
                log.info("not_for_this_lane", message=type(event).__name__)
            case (
                Opened()
                | Passed()
                | OpeningEnded()
                | AlarmChanged()
                | HoldChanged()
                | CountersReset()
                | BarrierFault()
                | BarrierReady()
            ):
                self._barrier(event)
            case None:
                await self._pause_over()
        # What is being shown to a visitor is shown to its end.
        if self._state in RESTING:
            self._rest()

    def _barrier(self, event: BarrierEvent) -> None:
        """What the barrier did: noted, and shown where it changes what people should do."""
        self._passing.note(event)
        match event:
            case BarrierFault():
                self._troubles.barrier = True
            case BarrierReady():
                self._troubles.barrier = False
            case HoldChanged(hold):
                self._troubles.hold = hold
            case _:
                left = self._passing.left(event)
                if left and self._state is GateState.SHOWING_ADMIT and self._admitted is not None:
                    self._shown_at = self._now_s()
                    self._display.show(replace(self._admitted, people=left))

    def _command(self, command: Command) -> None:
        """A person of the house opens or holds the lane, through the centre: an act of its own."""
        if command.gate_id is not None and command.gate_id != self._gate_id:
            return  # a terminal with several gates: another one's
        done = False
        if command.action == "reload" and self._reload is not None:
            task = asyncio.create_task(self._reloaded(command, self._reload))
            self._reloading.add(task)
            task.add_done_callback(self._reloading.discard)
            return
        if command.action == "open_once":
            done = self._passing.open(f"command-{command.id}", 1)
        elif command.action == "show" and command.text:
            self._notice = (command.text, self._now_s() + self._delays.notice_s)
            done = True
        elif command.action in _HOLDS:
            done = self._passing.hold(_HOLDS[command.action])
        self._commanded(command, "done" if done else "not_supported")

    async def _reloaded(self, command: Command, reload: Callable[[], Awaitable[bool]]) -> None:
        """Fetch anew what the lane keeps; visitors are served meanwhile."""
        self._commanded(command, "done" if await reload() else "failed")

    def _commanded(self, command: Command, outcome: str) -> None:
        """Tell the centre, the lane's staff and the log what came of it."""
        self._acknowledge(Acknowledged(id=command.id, outcome=outcome))
        self._desk.ordered(command, done=outcome == "done")
        log.info("command", action=command.action, id=command.id, done=outcome == "done")

    async def _pause_over(self) -> None:
        due = self._probed_at + self._delays.probe_s <= self._now_s()
        if self._troubles.journal and due:
            self._probed_at = self._now_s()
            self._troubles.journal = not await self._journal.works()
        self._rest()

    async def _card(self, event: CardPresented | CardUnreadable) -> None:
        if isinstance(event, CardUnreadable):
            is_card = event.reason is not Unreadable.CONTENT
            await self._refuse(Reason.REREAD if is_card else Reason.NEEDS_STAFF)
            return
        card = event.card
        credential = Credential(kind=card.document_type, number=card.number)
        await self._present(credential, _last_day(card.valid_until))

    async def _ahead(self, event: CardProvisional | CardWithdrawn) -> None:
        """A card's text is there, and nothing may be done for it yet but to note its ask."""
        if isinstance(event, CardWithdrawn):
            await self._noting.withdraw()
            return
        card = event.card
        digest = self._cards.digest(card.document_type, card.number)
        if self._state is GateState.HELD_OPEN or self._cards.is_repeat(digest, self._now_s()):
            return
        nonce = self._cards.nonce(digest, self._now_s())
        await self._noting.ahead(digest, card.document_type, nonce)

    async def _present(self, credential: Credential, until: date | None = None) -> None:
        """Something was laid: ask for it, unless it is the same presentation still."""
        if self._state is GateState.HELD_OPEN:
            return  # the screen says so: nobody needs a card, and no ticket is used up
        digest = self._cards.digest(credential.kind, credential.number)
        if self._cards.is_repeat(digest, self._now_s()):
            return
        if self._desk.takes_dry_run():
            await self._try(credential, until)
            return
        ask = Ask(
            nonce=self._noting.nonce_of(digest) or self._cards.nonce(digest, self._now_s()),
            credential=credential,
            gate_id=self._gate_id,
            at=self._clock(),
            document_until=until,
        )
        outcome = await self._obtain(ask, self._delays.ask_timeout_s)
        if outcome is None:
            return
        if isinstance(outcome, LinkFailure) and outcome.may_repeat:
            self._cards.unanswered(digest, ask.nonce, self._now_s())
        else:
            self._cards.answered(digest, self._now_s())
        await self._conclude(ask, outcome)

    async def _obtain(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure | None:
        """Note an ask in the journal and ask it; None: it could not be noted, and was refused."""
        self._go(GateState.READING)
        self._notice = None
        self._troubles.journal = not await self._noting.begin(ask)
        if self._troubles.journal:
            self._probed_at = self._now_s()
            await self._refuse(Reason.NEEDS_STAFF)
            return None
        self._go(GateState.ASKING)
        return await self._decide(ask, timeout_s)

    async def _conclude(self, ask: Ask, outcome: Answer | LinkFailure) -> None:
        """Show what came of an ask, and let people in where it says so."""
        self._desk.note(ask, outcome)
        if isinstance(outcome, Answer):
            await self._answer(outcome)
            return
        await self._refuse(outcome.reason)
        ended = Outcome("no_answer", outcome.trouble.value, at=self._clock())
        await self._end(ask.nonce, ended)

    async def _act(self, act: StaffAct) -> None:
        """Staff ask for somebody; the panel is answered in any case."""
        outcome: Answer | LinkFailure = LinkFailure(LinkTrouble.DOWN, Reason.NEEDS_STAFF)
        try:
            if self._state is GateState.HELD_OPEN:
                outcome = LinkFailure(LinkTrouble.DOWN, Reason.WALK_THROUGH)
            elif act.ask.dry_run:
                outcome = await self._decider.decide(act.ask, _STAFF_ASK_S)
                self._desk.note(act.ask, outcome)
            else:
                asked = await self._obtain(act.ask, _STAFF_ASK_S)
                if asked is not None:
                    outcome = asked
                    await self._conclude(act.ask, asked)
        finally:
            if not act.done.done():
                act.done.set_result(outcome)

    async def _try(self, credential: Credential, until: date | None) -> None:
        """Say to the staff what a card would get; the screen lets nobody walk."""
        await self._noting.withdraw()
        ask = Ask(
            nonce=random_nonce(),
            credential=credential,
            gate_id=self._gate_id,
            at=self._clock(),
            document_until=until,
            dry_run=True,
        )
        outcome = await self._decider.decide(ask, self._delays.ask_timeout_s)
        self._desk.note(ask, outcome)
        await self._let_be_read()
        self._go(GateState.SHOWING_REFUSE)
        self._shown_at = self._now_s()
        self._display.show(self._views.tried())

    async def _code(self, text: str) -> None:
        """The code of a ticket is asked for like a document; any other says nothing to a lane."""
        if read_code(text) is not None:
            await self._present(Credential(kind=CODE_KIND, number=text.strip().upper()))
            return
        if self._state is GateState.HELD_OPEN:
            return
        await self._let_be_read()
        self._go(GateState.SHOWING_REFUSE)
        self._shown_at = self._now_s()
        self._display.show(self._views.refusal(Reason.CODE_INVALID))

    async def _decide(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        loop = asyncio.get_running_loop()
        slow = loop.call_later(self._delays.checking_after_s, self._show_checking)
        try:
            return await self._decider.decide(ask, timeout_s)
        finally:
            slow.cancel()

    def _show_checking(self) -> None:
        if self._now_s() - self._shown_at >= self._delays.least_show_s:
            self._display.show(self._views.checking())

    async def _answer(self, answer: Answer) -> None:
        """Show a decision, and print it when somebody may pass."""
        if answer.admitted and answer.people < 1:
            log.error("answer_contradicts_itself", nonce=answer.nonce)
            await self._refuse(Reason.NEEDS_STAFF)
            await self._note(answer, "refused")
            return
        await self._let_be_read()
        self._go(GateState.SHOWING_ADMIT if answer.admitted else GateState.SHOWING_REFUSE)
        self._shown_at = self._now_s()
        view = self._views.answer(answer)
        self._admitted = view if answer.admitted else None
        self._display.show(view)
        if answer.admitted:
            self._passing.open(answer.nonce, answer.people)
        await self._note(answer, "admitted" if answer.admitted else "refused")
        if answer.admitted:
            self._slips.print_later(answer, self._views.place.site)

    async def _refuse(self, reason: Reason) -> None:
        """Send the visitor on without a decision."""
        await self._let_be_read()
        self._go(GateState.SHOWING_REFUSE)
        self._shown_at = self._now_s()
        self._display.show(self._views.refusal(reason))

    async def _let_be_read(self) -> None:
        """Leave the visitor before a moment to see the answer."""
        rest_s = self._shown_at + self._delays.least_show_s - self._now_s()
        if self._shown_at and rest_s > 0:
            await asyncio.sleep(rest_s)

    async def _note(self, answer: Answer, outcome: str) -> None:
        people = answer.people if answer.admitted else 0
        await self._end(
            answer.nonce, Outcome(outcome, answer.reason, people, answer.ticket_no, answer.at)
        )

    async def _end(self, nonce: str, outcome: Outcome) -> None:
        # The decision stands; a journal that cannot take it closes the lane for the next visitor.
        if not await self._journal.end(nonce, outcome):
            self._troubles.journal = True
            self._probed_at = self._now_s()

    def _rest(self) -> None:
        """Return to rest: the lane as its troubles leave it."""
        troubles = self._troubles
        state = troubles.resting_state
        self._go(state)
        if state is GateState.HELD_OPEN:
            view = self._views.held_open()
        elif state is GateState.IDLE:
            nobody = troubles.link and self._decider.mode is Mode.MANUAL
            view = self._views.offline() if nobody else self._views.ready()
        else:
            view = self._views.closed(state.value, troubles.shown_cause)
        if self._notice is not None and self._notice[1] <= self._now_s():
            self._notice = None
        if self._notice is not None:
            view = self._views.notice(state.value, self._notice[0])
        self._display.show(view)

    def _go(self, state: GateState) -> None:
        check_step(self._state, state)
        self._state = state

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()


def _last_day(text: str | None) -> date | None:
    """The last day of a card's own validity, where it says one."""
    if text is None or text == LONG_TERM:
        return None
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None
