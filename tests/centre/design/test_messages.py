"""Every text of the pages has an English one, and what is compiled is what is written."""

import subprocess
import sys
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = ROOT / "src/menpiao/centre/design/locale/en/LC_MESSAGES/django.po"


def test_every_text_has_an_english_one():
    command = [sys.executable, ROOT / "scripts/messages.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_compiled_catalogue_is_the_written_one():
    written = {e.msgid: e.msgstr for e in polib.pofile(str(CATALOGUE))}
    compiled = {e.msgid: e.msgstr for e in polib.mofile(str(CATALOGUE.with_suffix(".mo")))}
    assert compiled == written


def test_english_texts_keep_their_figures_and_have_no_chinese():
    for entry in polib.pofile(str(CATALOGUE)):
        names = {part.partition(")")[0] for part in entry.msgid.split("%(")[1:]}
        assert names == {part.partition(")")[0] for part in entry.msgstr.split("%(")[1:]}
        assert not any("\u3400" <= c <= "\u9fff" for c in entry.msgstr), entry.msgid
