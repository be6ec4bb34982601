"""What the demo's page looks at and acts on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from menpiao.compose.centre import CentreApp
from menpiao.settings import Settings
from menpiao.simulation import payment, sms
from menpiao.simulation.cable import Cable
from menpiao.simulation.demo.asking import Watch
from menpiao.simulation.demo.booking import Shop
from menpiao.simulation.demo.crowd import Crowd
from menpiao.simulation.demo.lanes import Terminal


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs in the demo.

    ``terminals``: ``gate`` and ``counter``. ``cables``: from the centre to ``platform`` and
    ``operator``.
    """

    settings: Settings
    application: CentreApp
    site_id: int
    platform: payment.Running
    operator: sms.Running
    terminals: Mapping[str, Terminal]
    crowd: Crowd
    shop: Shop
    watch: Watch
    cables: Mapping[str, Cable]
    today: Callable[[], date]
    """The day at the site."""

    def trouble(self, terminal: str, kind: str) -> bool:
        """Let something go wrong, or everything everywhere go well again; see `Terminal.trouble`.

        The gate's cable is the gate's, whichever terminal is named; those to the world outside
        are nobody's.
        """
        if kind == "none":
            for cable in self.cables.values():
                cable.mend()
            return all(one.trouble(kind) for one in self.terminals.values())
        if kind in self.cables:
            self.cables[kind].pull()
            return True
        place = self.terminals.get("gate" if kind == "cable" else terminal)
        return place is not None and place.trouble(kind)

    @property
    def troubles(self) -> dict[str, list[str]]:
        """What is wrong on purpose, by terminal; ``""``: with none of them."""
        found = {name: sorted(one.troubles) for name, one in self.terminals.items()}
        return found | {"": sorted(name for name, cable in self.cables.items() if cable.cut)}
