"""The staff panel's server: one page, and a web socket for each phone or tablet that shows it.

On another address than this computer's own it needs a certificate: PINs and document numbers cross
the network.
"""

from __future__ import annotations

import asyncio
import http
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

import msgspec
import structlog
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from menpiao.domain.document_types import TYPE_LABELS, DocumentType
from menpiao.terminals.gate.staff import messages as page
from menpiao.terminals.gate.staff.acts import Acts, can_undo
from menpiao.terminals.gate.staff.desk import UNDO_WITHIN, Desk
from menpiao.terminals.gate.staff.sessions import Session, Sessions
from menpiao.terminals.gate.staff.showing import order_of, scan_of, texts
from menpiao.wire.check import StaffProof

log = structlog.get_logger(__name__)

LIVE_PATH: Final = "/live"
_STATIC: Final = {
    "/": ("staff.html", "text/html; charset=utf-8"),
    "/staff.css": ("staff.css", "text/css; charset=utf-8"),
    "/staff.js": ("staff.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
}
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_LOCAL: Final = ("127.0.0.1", "localhost")
_LONGEST: Final = 4096
_LOOK_S: Final = 0.5
_PAGES_MOST: Final = 32
_KINDS: Final = [
    page.Why(code=kind.value, zh=label.zh, en=label.en)
    for kind, label in TYPE_LABELS.items()
    if kind is not DocumentType.NETWORK_ID
]
_encoder = msgspec.json.Encoder()
_from_page: msgspec.json.Decoder[page.Question] = msgspec.json.Decoder(page.FromPage)


@dataclass(frozen=True, slots=True)
class LaneNow:
    """How the lane is at this moment; ``link``: up, down or refused.

    ``rules``: why the lane does not go by the centre's newest rules; see ``wire.check.Heartbeat``.
    """

    site: str = ""
    site_en: str = ""
    gate: str = ""
    gate_en: str = ""
    link: str = ""
    mode: str = ""
    lane: str = ""
    utc_offset_s: int = 28_800
    rules: str = ""


@dataclass(slots=True, eq=False)
class _Page:
    """A page that is open somewhere."""

    socket: ServerConnection
    address: str
    session: str = field(default="", repr=False)
    told: str = field(default="", repr=False)


class StaffPanel:
    """Serves the panel on ``host:port``; port 0: any free one, see `port`."""

    def __init__(
        self,
        host: str,
        port: int,
        desk: Desk,
        *,
        tls: ssl.SSLContext | None = None,
        lock_after_s: float = 120.0,
    ) -> None:
        self._host, self._wanted, self._tls = host, port, tls
        self.desk = desk
        """What the lane's controller notes for it."""
        self._lock_after_s = lock_after_s
        self._sessions = Sessions(lock_after_s)
        self._acts: Acts | None = None
        self._lane: Callable[[], LaneNow] = LaneNow
        self._pages: set[_Page] = set()
        self._moved = asyncio.Event()
        self._files = {
            path: (files(__package__).joinpath("static", name).read_bytes(), kind)
            for path, (name, kind) in _STATIC.items()
        }
        desk.changed = self._moved.set
        self.port = port
        """The port that is served once `ready` is set."""
        self.ready = asyncio.Event()

    def stand_at(self, acts: Acts, lane: Callable[[], LaneNow]) -> None:
        """Act at this lane; ``lane`` tells how it is."""
        self._acts, self._lane = acts, lane

    async def run(self) -> None:
        """Serve until cancelled; raises OSError when the port is taken."""
        async with serve(
            self._serve,
            self._host,
            self._wanted,
            process_request=self._plain,
            compression=None,
            max_size=_LONGEST,
            server_header=None,
            close_timeout=1.0,
            ssl=self._tls,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self.ready.set()
            log.info("staff_panel_ready", port=self.port, tls=self._tls is not None)
            await self._keep_telling()

    async def _keep_telling(self) -> None:
        while True:
            for one in list(self._pages):
                await self._tell(one)
            self._moved.clear()
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._moved.wait()
            except TimeoutError:
                pass

    async def _serve(self, socket: ServerConnection) -> None:
        if len(self._pages) >= _PAGES_MOST:
            await socket.close(1013)
            return
        peer = socket.remote_address
        one = _Page(socket, str(peer[0]) if peer else "")
        self._pages.add(one)
        try:
            await self._tell(one)
            async for frame in socket:
                await self._take(one, frame)
        except ConnectionClosed:
            pass
        finally:
            self._pages.discard(one)

    async def _take(self, one: _Page, frame: str | bytes) -> None:
        try:
            question = _from_page.decode(frame)
        except msgspec.MsgspecError:
            # Nothing of the frame is told or logged: it may hold a PIN.
            log.warning("staff_frame_unusable", length=len(frame))
            await _send(one, texts("", "bad_request"))
            return
        reply = await self._reply(one, question)
        await self._tell(one)
        await _send(one, reply)

    async def _reply(self, one: _Page, question: page.Question) -> page.Reply:
        match question:
            case page.SignInPage():
                return await self._sign_in(one, question)
            case page.Resume():
                one.session = question.session
                found = self._session(one) is not None
                return (
                    page.Reply(id=question.id, ok=True) if found else texts(question.id, "locked")
                )
        session = self._session(one)
        if session is None:
            return texts(question.id, "locked")
        self._sessions.use(session)
        match question:
            case page.Awake():
                return page.Reply(id=question.id, ok=True)
            case page.Lock():
                self._sessions.end(session)
                return page.Reply(id=question.id, ok=True)
            case page.TryNext():
                self.desk.try_next(on=question.on)
                return page.Reply(id=question.id, ok=True)
        return await self._act(one, session, question)

    async def _sign_in(self, one: _Page, asked: page.SignInPage) -> page.Reply:
        if self._acts is None or self._lane().link != "up":
            return texts(asked.id, "offline_pin")
        if not self._sessions.may_guess(one.address):
            return texts(asked.id, "guesses", field="pin")
        known = await self._acts.sign_in(asked.staff)
        if isinstance(known, page.Reply):
            if known.field != "pin":
                self._sessions.right(one.address)
            return msgspec.structs.replace(known, id=asked.id)
        self._sessions.right(one.address)
        session = self._sessions.begin(asked.staff, known)
        one.session = session.key
        return page.Reply(id=asked.id, ok=True, session=session.key)

    async def _act(self, one: _Page, session: Session, asked: page.Question) -> page.Reply:
        """An act, with the proof of whoever may do it."""
        acts = self._acts
        trial = isinstance(asked, page.Enter) and asked.dry_run
        if acts is None or (self._lane().link != "up" and not trial):
            return texts(asked.id, "offline")
        if isinstance(asked, page.Enter) and trial:
            return await acts.enter(asked, None)
        proof, own = session.proof, True
        if isinstance(asked, page.Force | page.Enter | page.TakeBack) and asked.supervisor:
            proof, own = asked.supervisor, False
        needed = isinstance(asked, page.Force | page.Enter)
        if needed and own and not session.known.supervisor:
            return texts(asked.id, "supervisor", field="supervisor")
        if not own and not self._sessions.may_guess(one.address):
            return texts(asked.id, "guesses", field="supervisor")
        reply = await _done(acts, asked, proof)
        if not own and reply.field != "pin":
            self._sessions.right(one.address)
        if reply.field == "pin":
            if not own:
                return msgspec.structs.replace(reply, field="supervisor")
            if reply.code == "not_permitted":
                # Their PIN has been changed, or they have left the house.
                self._sessions.end(session)
        return reply

    def _session(self, one: _Page) -> Session | None:
        return self._sessions.find(one.session) if one.session else None

    async def _tell(self, one: _Page) -> None:
        """Send how the lane is, where that is news."""
        text = _encoder.encode(self._state(self._session(one))).decode()
        if text == one.told:
            return
        one.told = text
        try:
            await one.socket.send(text)
        except ConnectionClosed:
            self._pages.discard(one)

    def _state(self, session: Session | None) -> page.State:
        now, person = self._lane(), None
        scans: list[page.Scan] = []
        orders: list[page.Order] = []
        if session is not None:
            known = session.known
            person = page.Person(badge=known.badge, supervisor=known.supervisor)
            scans = self._scans(now.utc_offset_s, supervisor=known.supervisor)
            orders = self._orders(now.utc_offset_s)
        return page.State(
            site=now.site,
            site_en=now.site_en,
            gate=now.gate,
            gate_en=now.gate_en,
            link=now.link,
            mode=now.mode,
            lane=now.lane,
            utc_offset_s=now.utc_offset_s,
            rules=now.rules,
            person=person,
            dry_run_next=self.desk.dry_run_next,
            scans=scans,
            orders=orders,
            reasons=list(page.FORCE_REASONS),
            kinds=_KINDS,
            lock_after_s=int(self._lock_after_s),
        )

    def _scans(self, utc_offset_s: int, *, supervisor: bool) -> list[page.Scan]:
        found = []
        for scan in self.desk.scans():
            age = self.desk.age(scan)
            offers = can_undo(scan, age, supervisor=supervisor, within=UNDO_WITHIN)
            at = datetime.now(UTC) - age
            found.append(scan_of(scan, at, utc_offset_s, can_undo=offers))
        return found

    def _orders(self, utc_offset_s: int) -> list[page.Order]:
        found = []
        scans = self.desk.scans()
        for order in self.desk.orders():
            newer = sum(scan.at_s > order.at_s for scan in scans)
            at = datetime.now(UTC) - self.desk.age(order)
            found.append(order_of(order, at, utc_offset_s, newer=newer))
        return found

    def _plain(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a plain request; None lets a web socket open."""
        path = request.path.partition("?")[0]
        host = request.headers.get("Host", "")
        if self._tls is None and host not in {f"{name}:{self.port}" for name in _LOCAL}:
            return connection.respond(http.HTTPStatus.FORBIDDEN, "not this host\n")
        if path == LIVE_PATH:
            scheme = "http" if self._tls is None else "https"
            if request.headers.get("Origin") != f"{scheme}://{host}":
                return connection.respond(http.HTTPStatus.FORBIDDEN, "not this page\n")
            return None
        if path not in self._files:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "no such page\n")
        body, kind = self._files[path]
        headers = Headers({"Content-Type": kind, "Content-Length": str(len(body))})
        headers["Content-Security-Policy"] = _POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cache-Control"] = "no-store"
        headers["Connection"] = "close"
        return Response(http.HTTPStatus.OK.value, http.HTTPStatus.OK.phrase, headers, body)


async def _done(acts: Acts, asked: page.Question, proof: StaffProof) -> page.Reply:
    match asked:
        case page.Confirm():
            return await acts.confirm(asked, proof)
        case page.Force():
            return await acts.force(asked, proof)
        case page.Enter():
            return await acts.enter(asked, proof)
        case page.Find():
            return await acts.find(asked, proof)
        case page.Choose():
            return await acts.choose(asked, proof)
        case page.TakeBack():
            return await acts.take_back(asked, proof)
    return texts(asked.id, "bad_request")


async def _send(one: _Page, reply: page.Reply) -> None:
    await one.socket.send(_encoder.encode(reply).decode())
