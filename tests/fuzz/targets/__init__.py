"""One function for each parser of foreign bytes: it takes any bytes, and must not raise.

Beside not crashing each holds what the parser promises: how much it keeps, that cutting a stream
elsewhere changes nothing, that what was built is understood.
"""

from tests.fuzz.targets import centre, devices, lane
from tests.fuzz.targets.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for part in (devices, lane, centre) for target in part.ALL
}
