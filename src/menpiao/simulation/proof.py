"""Steps with proofs: each is timed, printed, and fails loudly when its proof does not hold."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StepError(AssertionError):
    """A step of the main job did not do what it must."""


class Steps:
    """Prints one line a step; ``failed`` tells whether any of them failed."""

    def __init__(self) -> None:
        """Begin with nothing done."""
        self.failed = False
        self._proof = ""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Run a step; its proof is what ``prove`` was told last."""
        self._proof = ""
        started = time.perf_counter()
        try:
            yield
        except Exception as error:  # any fault at all is a failed step; it is raised again
            self.failed = True
            print(f"  FAILED {title}: {type(error).__name__}: {error}")  # noqa: T201
            raise
        took_ms = (time.perf_counter() - started) * 1000
        print(f"  ok {took_ms:8.1f} ms  {title}: {self._proof}")  # noqa: T201

    def prove(self, holds: bool, proof: str) -> None:  # noqa: FBT001 - a claim, not an option
        """Claim that something holds, with what was seen.

        Raises:
            StepError: it does not.
        """
        if not holds:
            raise StepError(proof)
        self._proof = proof
