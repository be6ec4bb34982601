"""A child of the demo on a tether: it ends when its parent does, however the parent ended.

The tether is the child's standard input, a pipe whose other end only the parent holds: the kernel
closes it even when the parent is killed.
"""

import os
import runpy
import signal
import sys
import threading
import time

HOLD = "hold-database"
FAREWELL = b"."
_GRACE_S = 8.0


def main(arguments: list[str]) -> None:
    """Run the menpiao command ``arguments``, or hold the embedded database until the tether ends.

    Whoever holds the database stops it when the last of its users is gone; a killed one is not
    waited for.
    """
    if arguments == [HOLD]:
        _hold()
        return
    threading.Thread(target=_end_with_parent, name="tether", daemon=True).start()
    sys.argv = ["menpiao", *arguments]
    runpy.run_module("menpiao", run_name="__main__", alter_sys=True)


def _hold() -> None:
    from menpiao.compose.serve import hold_database  # noqa: PLC0415 - other children need no centre
    from menpiao.settings import load  # noqa: PLC0415

    with hold_database(load()):
        print("held", flush=True)  # noqa: T201 - what the parent waits for
        parent = os.getppid()
        if not _wait_for_end():
            _wait_for_death(parent)


def _wait_for_end() -> bool:
    """Until the tether ends; True when the parent said farewell, False when it was torn."""
    said = b""
    while heard := os.read(0, 1):
        said = heard
    return said == FAREWELL


def _wait_for_death(parent: int) -> None:
    """A dying process closes its files before it is gone: a user of the database until then."""
    until = time.monotonic() + _GRACE_S
    while os.getppid() == parent and time.monotonic() < until:
        time.sleep(0.05)


def _end_with_parent() -> None:
    _wait_for_end()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
