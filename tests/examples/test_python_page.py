"""The examples of docs/python.md, run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import odd_media

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.DOTALL)


def test_there_are_examples() -> None:
    """The page has not lost them."""
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the files that it names; what it makes is there afterwards."""
    odd_media.film(tmp_path / "clip.mp4", seconds=0.5)
    (tmp_path / "clips").mkdir()
    odd_media.film(tmp_path / "clips" / "one.mp4", seconds=0.5)
    odd_media.SOUNDS["silence"](tmp_path).rename(tmp_path / "talk.wav")
    (tmp_path / "tour.json").write_text('{"steps": [{"id": "a", "url": "about:blank"}]}')
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", EXAMPLES[number]], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    for folder in re.findall(r'save\("(\w+)"\)', EXAMPLES[number]):
        assert list((tmp_path / folder).rglob("*.*")), folder
