"""Asks the centre, then the hub of the site, and decides here when neither answers in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Final

import structlog

from menpiao.domain.reasons import Reason
from menpiao.terminals.gate.decider import Mode
from menpiao.terminals.gate.offline.local import Local
from menpiao.terminals.parts.link.base import Link, LinkFailure, LinkState, LinkTrouble, Vitals
from menpiao.wire.check import Answer, Ask, Heard

log = structlog.get_logger(__name__)

_SHARE: Final = 0.5
"""Of the time for an answer, what each of centre and hub gets where there is a hub."""
_REMEMBERED: Final = 2000


class LaneDecides:
    """The order of a lane: centre, hub, alone."""

    def __init__(
        self,
        link: Link,
        local: Local,
        gate_id: int | None,
        budget_s: float,
        hub: Link | None = None,
    ) -> None:
        """A visitor at the reader has an answer after about ``budget_s``, if one can be given.

        ``gate_id`` None: this is a hub, which decides for all gates of the site.
        """
        self._link = link
        self._local = local
        self._gate_id = gate_id
        self._budget_s = budget_s
        self._hub = hub
        self._tasks: set[asyncio.Task[Answer | LinkFailure]] = set()
        self._notes: set[asyncio.Task[None]] = set()
        self._decided: OrderedDict[str, None] = OrderedDict()

    def retime(self, budget_s: float) -> None:
        """Another limit from the next ask on."""
        self._budget_s = budget_s

    @property
    def mode(self) -> Mode:
        """Who would decide now."""
        if self._link.state is LinkState.UP:
            return Mode.CENTRE
        if self._hub_stands:
            return Mode.HUB
        return Mode.LANE if self._alone else Mode.MANUAL

    @property
    def vitals(self) -> Vitals:
        """What heart-beats say of this lane."""
        known, refused = self._local.known, self._local.refused
        return Vitals(
            mode=self.mode.value,
            data_at=known.data_at if known else None,
            tickets=known.tickets if known else None,
            queue=self._local.queue,
            rules=refused.kind if refused else "",
            rules_why=refused.why if refused else "",
        )

    @property
    def _hub_stands(self) -> bool:
        return self._hub is not None and self._hub.state is LinkState.UP

    @property
    def _alone(self) -> bool:
        """Whether this lane may decide by itself."""
        known = self._local.known
        if known is None or self._gate_id is None:
            return known is not None
        return known.alone != "refuse" or known.lets_out(self._gate_id)

    async def decide(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        """The decision; see `Decider.decide`."""
        if not self._hub_stands and not self._alone:
            return await self._centre_only(ask, timeout_s)
        share_s = self._budget_s * (_SHARE if self._hub_stands else 1.0)
        asked: list[asyncio.Task[Answer | LinkFailure]] = []
        for link in (self._link, self._hub):
            if link is None or link.state is LinkState.DOWN:
                continue
            if link.state is LinkState.REFUSED and link is self._hub:
                continue
            task = self._begin(link, ask, timeout_s)
            outcome = await self._within(task, share_s)
            if isinstance(outcome, Answer):
                self._spread(outcome, ask, from_centre=link is self._link)
                return outcome
            if outcome is None:
                asked.append(task)
            elif link is self._link and not _asks_on(outcome):
                return outcome
        answer = await self._local.decide(ask) if self._alone else None
        if answer is None:
            return await self._first_of(asked, ask)
        self._remember(ask.nonce)
        log.info("decided_here", request_id=ask.nonce, admitted=answer.admitted)
        for task in asked:
            task.add_done_callback(self._was_late)
        return answer

    async def _centre_only(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        outcome = await self._link.ask(ask, timeout_s)
        if isinstance(outcome, Answer):
            self._spread(outcome, ask, from_centre=True)
        return outcome

    def _begin(self, link: Link, ask: Ask, timeout_s: float) -> asyncio.Task[Answer | LinkFailure]:
        # The ask goes on when its time here is over: the link itself finds out whether it is dead.
        task = asyncio.create_task(link.ask(ask, timeout_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    async def _within(
        task: asyncio.Task[Answer | LinkFailure], share_s: float
    ) -> Answer | LinkFailure | None:
        done, _ = await asyncio.wait({task}, timeout=share_s)
        return task.result() if done else None

    async def _first_of(
        self, asked: list[asyncio.Task[Answer | LinkFailure]], ask: Ask
    ) -> Answer | LinkFailure:
        """Nothing could be decided here: what was asked may still be answered."""
        failure: LinkFailure = LinkFailure(LinkTrouble.DOWN)
        for task in asked:
            outcome = await task
            if isinstance(outcome, Answer):
                self._spread(outcome, ask, from_centre=False)
                return outcome
            failure = outcome
        return failure

    def late(self, answer: Answer) -> bool:
        """An answer came that nobody waits for; True: it was decided here meanwhile."""
        if answer.nonce not in self._decided:
            return False
        log.warning("late_after_local", request_id=answer.nonce, admitted=answer.admitted)
        verdict = "admitted" if answer.admitted else "refused"
        text = f"{answer.source}: {verdict} {answer.reason}"
        self._later(self._local.run(lambda a: a.book.late(answer.nonce, text)))
        return True

    def _was_late(self, task: asyncio.Task[Answer | LinkFailure]) -> None:
        if not task.cancelled() and task.exception() is None:
            outcome = task.result()
            if isinstance(outcome, Answer):
                self.late(outcome)

    def _remember(self, nonce: str) -> None:
        self._decided[nonce] = None
        if len(self._decided) > _REMEMBERED:
            self._decided.popitem(last=False)

    def _spread(self, answer: Answer, ask: Ask, *, from_centre: bool) -> None:
        """Who admits is heard of at once: by this lane, and by the hub where the centre did."""
        if not answer.admitted or ask.dry_run:
            return
        now = self._local.now()
        self._later(self._local.run(lambda a: a.hear(answer, ask.gate_id, now)))
        if from_centre and self._hub is not None and self._hub_stands and answer.ticket_no:
            heard = Heard(
                nonce=answer.nonce,
                gate_id=ask.gate_id,
                ticket_no=answer.ticket_no,
                people=max(1, answer.people),
                remaining=max(0, answer.remaining),
                at=answer.at,
            )
            self._later(self._hub.send(heard))

    def _later(self, work: Awaitable[object]) -> None:
        task = asyncio.create_task(_quiet(work))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def finish(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._notes)
        for task in list(self._tasks):
            task.cancel()


def _asks_on(failure: LinkFailure) -> bool:
    """Whether somebody else may be asked: not when the centre has spoken about this ask."""
    if failure.trouble in {LinkTrouble.DOWN, LinkTrouble.TIMED_OUT}:
        return True
    return failure.trouble is LinkTrouble.FAULT and failure.reason is Reason.BUSY


async def _quiet(work: Awaitable[object]) -> None:
    # It helps a later decision; the one at hand is made, and the disk is watched elsewhere.
    with contextlib.suppress(OSError):
        await work
