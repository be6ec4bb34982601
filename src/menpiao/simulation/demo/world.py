"""What the demo's page looks at and acts on."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from menpiao.compose.centre import CentreApp
from menpiao.settings import Settings
from menpiao.simulation import payment, sms
from menpiao.simulation.demo.booking import Shop
from menpiao.simulation.demo.crowd import Crowd
from menpiao.simulation.demo.lanes import Terminal


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs in the demo. ``terminals``: ``gate`` and ``counter``."""

    settings: Settings
    application: CentreApp
    site_id: int
    platform: payment.Running
    operator: sms.Running
    terminals: Mapping[str, Terminal]
    crowd: Crowd
    shop: Shop
    http: httpx.AsyncClient
