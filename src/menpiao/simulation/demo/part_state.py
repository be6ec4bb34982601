"""How one box of the drawing is, and by what that is known."""

from dataclasses import dataclass
from typing import Any

from menpiao.simulation.demo.asking import Answer


@dataclass(frozen=True, slots=True)
class PartState:
    """``level``: ok, warn, dead, off or todo. ``pulse`` grows when the part does something.

    ``proof``: what was asked and what came back; empty for what does not run.
    """

    level: str
    zh: str
    en: str
    link: str = ""
    pulse: int = 0
    proof: str = ""

    def told(self, language: str) -> dict[str, Any]:
        """As the page wants it."""
        text = self.zh if language == "zh" else self.en
        return {
            "level": self.level,
            "text": text,
            "link": self.link,
            "pulse": self.pulse,
            "proof": self.proof,
        }


def dead(answer: Answer[Any], link: str = "") -> PartState:
    """A part that has not given the answer that it should."""
    return PartState("dead", "无应答", "no answer", link, proof=answer.proof)
