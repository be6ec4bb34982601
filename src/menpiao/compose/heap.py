"""How a process that lives for days looks after its memory."""

import gc


def keep_loaded() -> None:
    """Look no more through what is loaded now, and less often through what comes.

    Called before the work begins: a full look through what the programs' modules are made of takes
    long enough for a visitor to notice, and finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
