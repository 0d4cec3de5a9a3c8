"""The table of kinds is read from its folder, without importing what it lists."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import protocol.kinds
from protocol.kinds import KINDS, summaries


def test_every_module_that_defines_a_kind_is_a_row() -> None:
    """Under its own name, in order; modules that only help are none."""
    names = [path.stem for path in Path(protocol.kinds.__file__).parent.glob("*.py") if "\nKIND = " in path.read_text()]
    assert list(KINDS) == sorted(names)
    assert len(KINDS) == len(names)
    assert all(KINDS[name].name == name for name in KINDS)
    for other in ("kind", "films", "nothing"):
        assert other not in KINDS
        with pytest.raises(KeyError, match=other):
            KINDS[other]


def test_summaries_are_what_the_kinds_say_of_themselves() -> None:
    """The first paragraph of their help, for each kind that has a command."""
    assert set(summaries()) == {name for name, kind in KINDS.items() if kind.takes}
    for name, summary in summaries().items():
        text = inspect.getdoc(KINDS[name].params) or ""
        assert summary == " ".join(text.split("\n\n")[0].split())


def test_listing_kinds_imports_none() -> None:
    """A command that only lists them starts fast."""
    code = "import sys; from protocol.kinds import KINDS, summaries; list(KINDS), summaries(); "
    code += "print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
