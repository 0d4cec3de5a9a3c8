"""The documentation holds together: links lead somewhere, and the commands and variables that it names exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.cli import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "protocol" / "FORMAT.md"],
    key=lambda path: path.as_posix(),
)
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.casefold()) for heading in headings)
    return {text.replace(" ", "-") for text in plain}


def _broken(page: Path) -> Iterator[str]:
    for link in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            yield link


@pytest.mark.parametrize("name", NAMES)
def test_no_page_is_empty(name: str) -> None:
    """A page has a heading, and says something below it."""
    heading, _, text = (ROOT / name).read_text("utf-8").strip().partition("\n")
    assert heading.startswith(("# ", "<"))
    assert len(text.split()) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    """Files and headings of this repository; addresses elsewhere are not asked."""
    assert list(_broken(ROOT / name)) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name != "CHANGELOG.md"])
def test_every_command_exists(name: str) -> None:
    """What follows `gpudrop` in code is a command or an option."""
    code = re.findall(r"```.*?```|`[^`\n]+`", (ROOT / name).read_text("utf-8"), re.DOTALL)
    named = {word for text in code for word in re.findall(r"\bgpudrop ([a-z][a-z-]*)\b(?![:.\\/])", text)}
    assert named <= {*COMMANDS, "tr"}  # the beginning of a command, where completion is shown


def test_every_variable_of_the_readme_is_read() -> None:
    """A name that nothing reads would be a setting without effect."""
    readme = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"`(GPUDROP_[A-Z_]+[A-Z])`", readme))
    sources = [ROOT / "dispatcher" / "config.py", ROOT / "colab" / "config.py"]
    fields = {name.upper() for path in sources for name in re.findall(r"^    (\w+): ", path.read_text(), re.MULTILINE)}
    assert named
    assert {re.sub(r"^GPUDROP_(WORKER_)?", "", name) for name in named} <= fields
