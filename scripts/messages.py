"""The message catalogue: gather the Chinese texts of the pages, compile the English ones.

``messages.py`` adds new texts to the catalogue, drops texts that are gone, and compiles it; it
fails while a text has no English. ``messages.py --check`` changes nothing and says what is stale.
"""

import ast
import re
import sys
from pathlib import Path

import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (ROOT / "src/menpiao/centre", ROOT / "src/menpiao/storage/database")
CATALOGUE = ROOT / "src/menpiao/centre/design/locale/en/LC_MESSAGES/django.po"
_CALLS = frozenset({"_", "gettext", "gettext_lazy"})
_IN_TEMPLATE = re.compile(r"""\b(?:_|gettext)\((u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))\)""")


def of_python(text: str) -> set[str]:
    """The texts that a module hands to gettext."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(
                func=ast.Name(id=name), args=[ast.Constant(value=str() as message), *_]
            ) if name in _CALLS:
                found.add(message)
    return found


def of_template(text: str) -> set[str]:
    """The texts of a template's ``trans`` and ``blocktrans`` tags."""
    return {ast.literal_eval(quoted) for quoted in _IN_TEMPLATE.findall(templatize(text))}


def gather() -> set[str]:
    """Every text of the pages that needs an English one: those with a Chinese character."""
    if not settings.configured:
        settings.configure()
    found: set[str] = set()
    for folder in SOURCES:
        for path in folder.rglob("*.py"):
            found |= of_python(path.read_text(encoding="utf-8"))
        for path in folder.rglob("templates/**/*.html"):
            found |= of_template(path.read_text(encoding="utf-8"))
    return {text for text in found if re.search(r"[\u3400-\u9fff]", text)}


def elsewhere() -> set[str]:
    """Texts that a server's own catalogue has in English."""
    found = set()
    for path in (ROOT / "src/menpiao/centre").glob("*/locale/en/LC_MESSAGES/django.po"):
        if path != CATALOGUE:
            found |= {entry.msgid for entry in polib.pofile(str(path)) if entry.msgstr}
    return found


def faults(catalogue: polib.POFile, texts: set[str]) -> list[str]:
    """What is missing, and what is left over."""
    known = {entry.msgid: entry.msgstr for entry in catalogue}
    missing = [f"no English: {text}" for text in sorted(texts) if not known.get(text)]
    return missing + [f"not used: {text}" for text in sorted(set(known) - texts)]


def main(arguments: list[str]) -> int:
    """Bring the catalogue up to date, or say what is wrong with it."""
    texts = gather() - elsewhere()
    catalogue = polib.pofile(str(CATALOGUE))
    if "--check" not in arguments:
        for entry in [e for e in catalogue if e.msgid not in texts]:
            catalogue.remove(entry)
        known = {entry.msgid for entry in catalogue}
        catalogue.extend(polib.POEntry(msgid=text, msgstr="") for text in sorted(texts - known))
        catalogue.sort(key=lambda entry: entry.msgid)
        catalogue.save(str(CATALOGUE))
        catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))
    wrong = faults(catalogue, texts)
    print("\n".join([*wrong, f"messages: {len(texts)} texts, {len(wrong)} faults"]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
