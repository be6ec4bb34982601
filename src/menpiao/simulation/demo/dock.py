"""The demo's own door: one page with the drawing and the bench, its state, and what can be done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from random import Random
from typing import Any, Final

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from menpiao.compose.standing import booked_holders
from menpiao.simulation.cards import SimulatedCard
from menpiao.simulation.demo import page
from menpiao.simulation.demo.states import part_states
from menpiao.simulation.demo.tray import TrayCard, booked_cards, make_tray
from menpiao.simulation.demo.world import World
from menpiao.simulation.payment import wallet_path
from menpiao.terminals.parts.printer.fonts import Fonts

LIFT_AFTER_S: Final = 2.5
PHONE: Final = "13800008888"
_BOOKED_SHOWN: Final = 6
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
}


class Lay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lay a card on a reader."""

    reader: str
    card: str


class Lift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lift what lies on a reader."""

    reader: str


class Trouble(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let something go wrong at a terminal; ``none`` heals it."""

    reader: str
    kind: str


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many people of the crowd arrive in a minute."""

    rate: int


class Dock:
    """The application behind the page."""

    def __init__(self, world: World, chance: Random) -> None:
        """Show and move this world."""
        self._world, self._today, self._chance = world, world.today, chance
        self._day = world.today()
        self._tray: list[TrayCard] = []
        self._booked: list[TrayCard] = []
        self._lifting: dict[str, asyncio.Task[None]] = {}
        self._fonts = Fonts()
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/state.json", self._state),
                Route("/dock.css", _static("dock.css", "text/css")),
                Route("/dock.js", _static("dock.js", "text/javascript")),
                Route("/design.css", _design),
                Route("/slips/{where}/{number:int}.png", self._slip),
                Route("/bench/lay", self._guard(Lay, self._lay), methods=["POST"]),
                Route("/bench/lift", self._guard(Lift, self._lift), methods=["POST"]),
                Route("/bench/trouble", self._guard(Trouble, self._trouble), methods=["POST"]),
                Route("/bench/people", self._guard(None, self._people), methods=["POST"]),
                Route("/crowd", self._guard(Rate, self._rate), methods=["POST"]),
            ],
            # A name of somebody else's that leads here is not this page either.
            middleware=[Middleware(TrustedHostMiddleware, ["127.0.0.1", "localhost"])],
        )

    async def welcome(self) -> None:
        """New people on the tray; the family and the foreigner have booked for today."""
        self._day = self._today()
        self._tray = make_tray(self._chance, self._day)
        by_key = {card.key: card for card in self._tray}
        for keys in (("adult", "child"), ("elder",), ("foreigner",)):
            people = [t for t in (by_key[key].traveller for key in keys) if t is not None]
            try:
                order = await self._world.shop.book(people, self._day, PHONE)
                if not isinstance(order, str):
                    await self._world.shop.pay(order)
            except (httpx.HTTPError, ValueError):  # nobody there, or no JSON from who is
                continue  # the cards say at the gate that there is no ticket

    async def run(self) -> None:
        """Have new people whenever a day begins at the park: the tickets of the others are over."""
        while True:
            await asyncio.sleep(1)
            if self._today() != self._day:
                await self.welcome()

    # --- what is shown ---

    async def _page(self, request: Request) -> Response:
        language = page.language_of(request)
        return HTMLResponse(page.render(language), headers=_HEADERS)

    async def _state(self, request: Request) -> Response:
        language = page.language_of(request)
        states, view = await part_states(self._world)
        centre = self._world.application.centre
        if centre is not None:
            site_id = self._world.site_id
            booked = await self._world.watch.ask(
                "SELECT holders", lambda: booked_holders(centre, site_id, _BOOKED_SHOWN)
            )
            self._booked = booked_cards(booked.value) if booked.value is not None else self._booked
        zh = language == "zh"
        told = {
            "parts": {numeral: state.told(language) for numeral, state in states.items()},
            "screen": view and _screen(view, zh=zh),
            "cards": [_card(card, zh=zh) for card in (*self._tray, *self._booked)],
            "readers": {
                name: {"card": t.card, "slips": [s.number for s in reversed(t.printer.slips)][:3]}
                for name, t in self._world.terminals.items()
            },
            "messages": self._messages(),
            "unpaid": self._unpaid(),
            "crowd": self._crowd(),
            "troubles": self._world.troubles,
        }
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    def _messages(self) -> list[dict[str, str]]:
        phones = self._world.operator.operator.phones
        shown = []
        for number in phones.numbers()[:3]:
            last = phones.inbox(number)[-1]
            shown.append(
                {
                    "number": f"{number[:3]}****{number[-4:]}",
                    "text": last.text,
                    "link": f"{self._world.operator.base_url}/phone/{number}",
                }
            )
        return shown

    def _unpaid(self) -> list[dict[str, str]]:
        book = self._world.platform.platform.book
        waiting = [t for t in book.trades.values() if t.state == "NOTPAY" and t.code_url]
        return [
            {
                "text": t.description,
                "yuan": f"{t.total_fen / 100:.2f}",
                "link": self._world.platform.base_url + wallet_path(t.code_url),
            }
            for t in reversed(waiting[-4:])
        ]

    def _crowd(self) -> dict[str, int]:
        crowd = self._world.crowd
        names = ("booked", "entered", "refused", "left", "unpaid", "failed")
        counts = {name: crowd.counts[name] for name in names}
        return {"rate": crowd.rate, "under_way": crowd.under_way, "inside": crowd.inside, **counts}

    async def _slip(self, request: Request) -> Response:
        terminal = self._world.terminals.get(request.path_params["where"])
        number = request.path_params["number"]
        slips = terminal.printer.slips if terminal else ()
        slip = next((s for s in slips if s.number == number), None)
        if slip is None:
            return Response(status_code=404)
        image = await asyncio.to_thread(slip.png, self._fonts)
        return Response(image, media_type="image/png", headers={"Cache-Control": "no-store"})

    # --- what can be done ---

    async def _lay(self, asked: Lay) -> bool:
        terminal = self._world.terminals.get(asked.reader)
        card = self._find(asked.card)
        if terminal is None or card is None:
            return False
        self._stop_lifting(asked.reader)
        terminal.reader.lay(card)
        terminal.card = asked.card
        self._lifting[asked.reader] = asyncio.create_task(self._lift_later(asked.reader))
        return True

    async def _lift(self, asked: Lift) -> bool:
        terminal = self._world.terminals.get(asked.reader)
        if terminal is None:
            return False
        self._stop_lifting(asked.reader)
        terminal.reader.lift()
        terminal.card = ""
        return True

    async def _lift_later(self, reader: str) -> None:
        """A visitor takes the card away after a moment."""
        await asyncio.sleep(LIFT_AFTER_S)
        self._world.terminals[reader].reader.lift()
        self._world.terminals[reader].card = ""

    def _stop_lifting(self, reader: str) -> None:
        task = self._lifting.pop(reader, None)
        if task is not None:
            task.cancel()

    def _find(self, key: str) -> SimulatedCard | None:
        return next((c.card for c in (*self._tray, *self._booked) if c.key == key), None)

    async def _trouble(self, asked: Trouble) -> bool:
        return self._world.trouble(asked.reader, asked.kind)

    async def _people(self, asked: None) -> bool:
        del asked
        await self.welcome()
        return True

    async def _rate(self, asked: Rate) -> bool:
        self._world.crowd.rate = asked.rate
        return True

    def _guard(
        self, kind: type[Any] | None, act: Callable[[Any], Awaitable[bool]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A door for this page alone: another site's page cannot move the bench."""

        async def door(request: Request) -> Response:
            if request.headers.get("origin") != f"http://{request.headers.get('host')}":
                return JSONResponse({"error": "not this page"}, 403)
            try:
                asked = msgspec.json.decode(await request.body(), type=kind) if kind else None
            except msgspec.DecodeError as error:
                return JSONResponse({"error": str(error)}, 400)
            done = await act(asked)
            return JSONResponse({"done": done}, 200 if done else 404)

        return door


def _screen(view: Mapping[str, object], *, zh: bool) -> dict[str, object]:
    return {
        "signal": view["signal"],
        "words": view["zh"] if zh else view["en"],
        "next": view["zh_next"] if zh else view["en_next"],
        "holder": view["holder"],
        "since": f"{view['since']} {view['since_place']}".strip(),
    }


def _card(card: TrayCard, *, zh: bool) -> dict[str, str]:
    return {
        "key": card.key,
        "who": card.zh if zh else card.en,
        "kind": card.kind_zh if zh else card.kind_en,
        "name": card.name,
    }


def _static(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    body = files("menpiao.simulation.demo").joinpath("static", name).read_bytes()

    async def answer(request: Request) -> Response:
        del request
        return Response(body, media_type=kind, headers={"Cache-Control": "no-cache"})

    return answer


async def _design(request: Request) -> Response:
    """The tokens and components of every page of the centre."""
    del request
    folder: Sequence[str] = ("static", "design", "menpiao.css")
    body = files("menpiao.centre.design").joinpath(*folder).read_bytes()
    return Response(body, media_type="text/css", headers={"Cache-Control": "no-cache"})
