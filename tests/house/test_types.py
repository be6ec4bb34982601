"""The type checker's Django settings know the same apps as the real ones."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def assigned(path: str, *names: str) -> dict[str, object]:
    """The literal values given to ``names`` at the top of a module, read without importing it."""
    found = {}
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in names:
                found[name] = ast.literal_eval(value)
    assert set(found) == set(names)
    return found


def test_the_apps_are_the_same() -> None:
    names = ("INSTALLED_APPS", "DEFAULT_AUTO_FIELD", "USE_TZ")
    real = assigned("src/menpiao/compose/django_settings.py", *names)
    assert assigned("scripts/django_for_types.py", *names) == real
