"""A password in an address is in no file that a tour leaves, and in no row: everything is read, archives too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser, pytest.mark.films]
PASSWORD, TYPED = "s3cr3t-pw", "typ3d-pw"
ROOT = Path(__file__).parent.parent.parent


def holding(folder: Path, secret: str) -> list[str]:
    """Return the files below a folder that hold a text, also inside archives."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            parts = {str(path): path.read_bytes()}
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    parts |= {f"{path}!{name}": archive.read(name) for name in archive.namelist()}
            found += [name for name, data in parts.items() if secret.encode() in data]
    return found


def test_a_failed_tour_keeps_no_password(tmp_path: Path, site: Site, chromium: Path) -> None:
    """Neither the data folder nor the work folder holds it; the error that people read says where it was cut."""
    site.pages["/form"] = html("<input id=p type=password><script>console.log(location.href)</script>")
    address = site.url.replace("http://", f"http://ann:{PASSWORD}@")
    steps = [
        {
            "id": "form",
            "url": f"{address}/form",
            "narration": "Hello.",
            "actions": [
                {"type": "type_text", "selector": "#p", "text": TYPED},
                {"type": "click_selector", "selector": "#nothere"},
            ],
        }
    ]
    settings = {"viewport": "320x180", "default_step_timeout": 3, "max_retries_per_step": 0}
    spec = tmp_path / "spec" / "tour.json"
    spec.parent.mkdir()
    spec.write_text(json.dumps({"settings": settings, "steps": steps, "output": {"path": str(tmp_path / "t.mp4")}}))
    command = [sys.executable, "-m", "dispatcher.cli", "tour", str(spec), "--work-dir", str(tmp_path / "work")]
    env = {**os.environ, "GPUDROP_DATA_DIR": str(tmp_path / "data"), "GPUDROP_CHROMIUM": str(chromium)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, cwd=ROOT, env=env, check=False)
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "work" / "failures" / "form" / "trace.zip").is_file()
    assert (tmp_path / "data" / "runs.sqlite3").is_file()
    assert holding(tmp_path / "spec", PASSWORD) == [str(spec)]  # the search finds what is there
    for secret in (PASSWORD, TYPED):
        assert holding(tmp_path / "data", secret) == []
        assert holding(tmp_path / "work", secret) == []
        assert secret not in done.stderr + done.stdout
