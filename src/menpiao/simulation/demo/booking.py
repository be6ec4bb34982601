"""A simulated visitor's side of the main job: book through the JSON API, pay in the wallet."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx

from menpiao.simulation.payment import wallet_path

PRODUCT: Final = 1
_CODE_WAIT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Traveller:
    """Who is written into a booking."""

    document_type: str
    number: str
    name: str

    def __repr__(self) -> str:
        """Never the number or the name."""
        return f"Traveller({self.document_type!r})"


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was made; ``state`` as the centre names it."""

    number: str
    secret: str
    state: str


class Shop:
    """The centre's public door and the wallet, as a visitor's telephone reaches them."""

    def __init__(self, http: httpx.AsyncClient, centre: str, platform: str) -> None:
        """Book at ``centre``, pay at ``platform``."""
        self._http, self._centre, self._platform = http, centre, platform

    async def book(
        self, travellers: Sequence[Traveller], day: date, phone: str, language: str = "zh-hans"
    ) -> Order | str:
        """Book today's ticket for these people; a text is the reason why not.

        Raises:
            httpx.HTTPError: the centre cannot be reached.
        """
        slots = await self._http.get(
            f"{self._centre}/booking/v1/products/{PRODUCT}/slots", params={"date": str(day)}
        )
        if slots.status_code != 200 or not slots.json():
            return "slot_unknown"
        asked = {
            "token": f"demo-{secrets.token_hex(12)}",
            "product_id": PRODUCT,
            "slot_id": slots.json()[0]["id"],
            "visitors": [
                {"document_type": t.document_type, "number": t.number, "name": t.name}
                for t in travellers
            ],
            "phone": phone,
            "language": language,
        }
        answer = await self._http.post(f"{self._centre}/booking/v1/orders", json=asked)
        said: dict[str, Any] = answer.json()
        if answer.status_code != 201:
            return str(said.get("code", answer.status_code))
        return Order(said["order_no"], said["secret"], said["state"])

    async def pay(self, order: Order) -> bool:
        """Scan the order's code and pay; False: no code came, or the wallet refused.

        Raises:
            httpx.HTTPError: centre or platform cannot be reached.
        """
        if order.state == "paid":
            return True
        seen = await self._until(order, "code_url")
        if not seen:
            return False
        wallet = self._platform + wallet_path(seen["code_url"])
        page = await self._http.get(wallet, follow_redirects=True)
        paid = await self._http.post(str(page.url), data={"action": "pay"}, follow_redirects=True)
        return paid.status_code == 200 and await self._paid(order)

    async def _paid(self, order: Order) -> bool:
        for _ in range(80):
            if (await self._seen(order)).get("state") == "paid":
                return True
            await asyncio.sleep(0.25)
        return False

    async def _until(self, order: Order, key: str) -> dict[str, Any] | None:
        until = asyncio.get_running_loop().time() + _CODE_WAIT_S
        while asyncio.get_running_loop().time() < until:
            seen = await self._seen(order)
            if seen.get(key):
                return seen
            await asyncio.sleep(0.3)
        return None

    async def _seen(self, order: Order) -> dict[str, Any]:
        answer = await self._http.get(
            f"{self._centre}/booking/v1/orders/{order.number}",
            headers={"X-Order-Secret": order.secret},
        )
        seen: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return seen
