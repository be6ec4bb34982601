"""What people see of the main job: the message on the buyer's telephone, the managers' figures."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from menpiao.simulation.proof import Steps

_WAIT_S = 10.0
_MANAGER = {"username": "manager", "password": "demo-manager"}
T = TypeVar("T")


async def read_message(steps: Steps, phones_url: str, number: str, order_no: str) -> None:
    """The confirmation of an order, on the telephone that the operator delivered it to."""
    with steps.step("read the message on the buyer's telephone"):
        async with httpx.AsyncClient(base_url=phones_url, timeout=_WAIT_S) as phones:

            async def arrived() -> str | None:
                inbox = (await phones.get(f"/phone/{number}/inbox.json")).json()
                return next((m["text"] for m in inbox if order_no in m["text"]), None)

            text = await _until(arrived)
            page = (await phones.get(f"/phone/{number}")).text
        steps.prove(order_no in page, text)


@dataclass(frozen=True, slots=True)
class Board:
    """The live figures, with the ticket that a signed-in manager's page is given."""

    url: str
    ticket: str

    @classmethod
    async def open(cls, url: str) -> "Board":
        """Sign in as the demo park's manager, as a browser does, and fetch the ticket."""
        async with httpx.AsyncClient(base_url=url, timeout=_WAIT_S) as browser:
            await browser.get("/view/login/")
            token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            await browser.post("/view/login/", data=_MANAGER | token, headers={"Referer": url})
            answer = (await browser.get("/statistics/ticket/")).raise_for_status()
            return cls(url, answer.json()["ticket"])

    async def entries(self) -> int:
        """How many people have entered today."""
        async with httpx.AsyncClient(base_url=self.url, timeout=_WAIT_S) as http:
            answer = await http.get("/statistics/v1/live", params={"ticket": self.ticket})
            figures: dict[str, Any] = answer.raise_for_status().json()
            return int(figures["entries"])


async def see_entry(steps: Steps, board: Board, before: int) -> None:
    """The managers' figure has grown by the entry that was just made."""
    with steps.step("watch the managers' figure move"):

        async def moved() -> int | None:
            now = await board.entries()
            return now if now > before else None

        now = await _until(moved)
        steps.prove(now >= before + 1, f"people entered today: {before} → {now}")


async def _until(look: Callable[[], Awaitable[T | None]]) -> T:
    async with asyncio.timeout(_WAIT_S):
        while True:
            seen = await look()
            if seen is not None:
                return seen
            await asyncio.sleep(0.1)
