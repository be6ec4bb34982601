"""Whatever the centre answers a terminal may be read by an older one (decision 0013)."""

import msgspec
import pytest

from menpiao.centre.check.doors import TABLE
from menpiao.wire.check import Ask, Problem

ANSWERS = {door.name: door.answer for door in TABLE.doors if door.answer not in {bytes, str}}
SAID = ANSWERS | {f"link {link.name}": link.down for link in TABLE.links} | {"refusal": Problem}


def structs(kind):
    """All structs in a type, by name, with whether a field that they do not know is refused."""
    found, ahead = {}, [msgspec.inspect.type_info(kind)]
    while ahead:
        one = ahead.pop()
        if isinstance(one, msgspec.inspect.StructType):
            if one.cls.__name__ in found:
                continue
            found[one.cls.__name__] = one.forbid_unknown_fields
            ahead += [field.type for field in one.fields]
        elif isinstance(one, msgspec.inspect.UnionType):
            ahead += one.types
        else:
            parts = (getattr(one, name, None) for name in ("item_type", "value_type", "type"))
            ahead += [part for part in parts if isinstance(part, msgspec.inspect.Type)]
            ahead += getattr(one, "item_types", ())
    return found


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_to_a_terminal_may_have_fields_that_it_does_not_know(name):
    found = structs(SAID[name])
    assert found
    assert [struct for struct, strict in found.items() if strict] == []


def test_what_a_terminal_says_may_not():
    assert structs(Ask)["Ask"] is True
    assert structs(Ask)["Credential"] is True
