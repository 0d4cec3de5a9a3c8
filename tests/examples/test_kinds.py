"""Every kind of work by its command, on the examples' media, as `make kinds` runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from media.confined import examine

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "examples" / "kinds.sh"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_kind_by_its_command(tmp_path: Path) -> None:
    """What comes out is what its name says, of the right size and length."""
    made = tmp_path / "made"
    here = {**os.environ, "GPUDROP_DATA_DIR": str(tmp_path / "data"), "NO_COLOR": "1"}
    done = subprocess.run(["sh", SCRIPT, made], capture_output=True, text=True, env=here, timeout=890, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(Path(line).name for line in done.stdout.splitlines()) == sorted(path.name for path in made.iterdir())
    large, steady, encoded = (examine(made / f"bikes.{name}.mp4") for name in ("upscaled", "stabilized", "encoded"))
    sizes = [film.picture.shown for film in (large, steady, encoded) if film.picture]
    assert sizes == [(1280, 544), (640, 272), (640, 272)]
    assert [film.seconds for film in (large, steady, encoded)] == [pytest.approx(10, abs=0.05)] * 3
    assert encoded.picture is not None
    assert encoded.picture.codec == "hevc"
    assert examine(made / "photo.upscaled.jpg").what == "picture"
    assert len(json.loads((made / "bikes.analysis.json").read_text())["shots"]) == 6
    assert examine(made / "bikes.contact.png").what == "picture"
    assert len(re.findall(r"country|you", (made / "jfk.srt").read_text())) >= 3
    assert json.loads((made / "jfk.json").read_text())["language"] == "en"
    assert "the the" not in (made / "notes.enhanced.txt").read_text()


def test_the_readme_shows_each_kind_by_one_command() -> None:
    """What the README tells a newcomer to type is what this runs."""
    readme = (ROOT / "README.md").read_text()
    for kind in ("transcribe", "upscale", "stabilize", "analyze", "encode", "enhance"):
        assert re.search(rf"gpudrop {kind} +examples/media/", readme), kind
        assert f"run {kind} examples/media/" in SCRIPT.read_text()
