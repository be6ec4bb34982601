"""What a fuzzing target is, and what several of them need."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A parser to be fuzzed: ``check`` raises where the parser breaks its word.

    ``modules`` are followed by coverage, nothing else is: what a harness does is no news.
    ``longest`` is the length in bytes that reaches all of the parser, so that millions of inputs
    are a matter of minutes.
    """

    check: Callable[[bytes], None]
    modules: tuple[str, ...]
    longest: int

    @property
    def name(self) -> str:
        """How it is called on the command line, and where its corpus lies."""
        return self.check.__name__

    def __call__(self, data: bytes) -> None:
        """Check one input."""
        self.check(data)


def cut(data: bytes) -> tuple[bytes, bytes] | None:
    """The input in two pieces, cut where its first byte says; None for three inputs of four.

    Whether a stream says the same however it is cut need not be asked of every input.
    """
    if not data or data[-1] & 3:
        return None
    at = data[0] * len(data) // 256
    return data[:at], data[at:]
