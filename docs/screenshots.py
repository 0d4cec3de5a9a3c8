"""Takes the screenshots of the dashboard in docs/dashboard/: `.venv/bin/python docs/screenshots.py [--out FOLDER]`.

What they show was really done: a film is stabilised and then upscaled, a picture upscaled, a speech transcribed, a tour
filmed, all by this machine's own worker from examples/media, and one film is at work while the pictures are taken.
Only the older runs in the list, and their latencies, are made up (tests/support/history.py).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dispatcher.config import Settings, is_root  # noqa: E402  # this folder is no package
from dispatcher.drops.setup import init_drop  # noqa: E402
from dispatcher.runs.record import Group  # noqa: E402
from dispatcher.runs.store import RunStore  # noqa: E402
from dispatcher.tour.browser.chromium import find_browser, launch  # noqa: E402
from dispatcher.web import building  # noqa: E402
from tests.support import history  # noqa: E402

WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 740}
FILM = "slides-and-demo.mp4"
MOST_BYTES = 150_000
KINDS = ("upscale", "stabilize", "transcribe")

SHOWN = frozenset(
    {
        "overview-light",
        "overview-phone",
        "runs-dark",
        "runs-phone",
        "run-stabilize-light",
        "run-transcribe-dark",
        "workers-light",
        "tour-light",
    }
)
"""What docs/dashboard.md shows."""

LOADED = """() => [...document.images].every(it => it.complete || it.loading === "lazy")
  && [...document.querySelectorAll("video")].every(it => it.readyState >= 2 || it.error)"""

Shot = tuple[str, str, str, dict[str, int]]


def main() -> None:
    """Do the work, then take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "dashboard")
    parser.add_argument("--all", action="store_true", help="every page in light, dark and narrow")
    parser.add_argument("--keep", type=Path, help="a folder to work in, whose finished work is used again")
    asked = parser.parse_args()
    with _folder(asked.keep) as folder:
        os.environ |= {"GPUDROP_DATA_DIR": str(folder / "data"), "GPUDROP_CONFIG_DIR": str(folder / "config")}
        os.environ["GPUDROP_USER"] = "ana"
        settings = Settings()
        if not (folder / "films" / FILM).exists():
            _work(folder, settings)
        _gpudrop(folder, "upscale", "bikes.mp4", "--scale", "3", "--force", "--overwrite", "--detach")
        asked.out.mkdir(parents=True, exist_ok=True)
        with RunStore.open(settings.database) as store:
            _pictures(settings, store, asked.out, every=asked.all)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="gpudrop-pictures-") as made:
        yield Path(made)


def _work(folder: Path, settings: Settings) -> None:
    """Run the jobs that the pages show."""
    shutil.copytree(ROOT / "examples" / "media", folder / "films")
    drive = folder / "gdrive" / "gpudrop"
    for drop in (drive, settings.private_drop):
        drop.mkdir(parents=True)
    drops = ((str(drive), init_drop(drive)), (str(settings.private_drop), init_drop(settings.private_drop)))
    with RunStore.open(settings.database, durability="relaxed") as store:
        history.fill(store, 140, now=time.time() - 1800, days=9, drops=drops)
        for run in store.recent(limit=200):
            store.trace.settled(run.id, at=run.updated_at)
    _gpudrop(folder, "upscale", "photo.jpg", "--tag", "print")
    _gpudrop(folder, "transcribe", "jfk.flac", "--formats", "vtt,json", "--tag", "speech")
    _gpudrop(folder, "stabilize", "bikes.mp4", "--then", "upscale", "--tag", "race")
    _film(folder, settings)


def _gpudrop(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "dispatcher.cli", *words]
    subprocess.run(command, cwd=folder / "films", env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


def _film(folder: Path, settings: Settings) -> None:
    """Record the slides' tour, and check that it is a group in the database."""
    shutil.copytree(ROOT / "examples" / "slides", folder / "slides")
    film = folder / "films" / FILM
    _gpudrop(folder, "tour", str(folder / "slides" / "tour.json"), "--output", str(film))
    with RunStore.open(settings.database) as store:
        if not store.search.groups(sort="tour"):
            at = time.time()
            store.search.begin_group(
                Group(id="tour-slides", sort="tour", title="Slides and a demo", created_at=at - 90)
            )
            store.search.end_group("tour-slides", "completed", at=at, report=str(film.with_suffix(".report.json")))


def _pictures(settings: Settings, store: RunStore, out: Path, *, every: bool) -> None:
    with building.build(settings, store, 0) as built, built.serving(), sync_playwright() as playwright:
        browser = launch(playwright, find_browser(settings.chromium), root=is_root())
        _await_work(store)
        for name, path, scheme, size in _shots(store):
            if every or name in SHOWN:
                _picture(browser, built, out / f"{name}.png", path, scheme, size)
        browser.close()


def _await_work(store: RunStore) -> None:
    """Wait until the running video job has made some progress."""
    ends = time.monotonic() + 120
    while (run := store.recent(limit=1)[0]).is_open and (run.progress or 0) < 0.1 and time.monotonic() < ends:
        time.sleep(0.2)


def _shots(store: RunStore) -> list[Shot]:
    """Return (name, address, colour scheme, size) of each screenshot."""
    newest = {kind: store.recent(limit=1, kind=kind, status="completed")[0].id for kind in KINDS}
    tour = store.search.groups(sort="tour")[0].id
    shots: list[Shot] = []
    pages = {"overview": "/", "runs": "/runs", "workers": "/workers", "tours": "/tours", "tour": f"/tours/{tour}"}
    pages |= {f"run-{kind}": f"/runs/{run}" for kind, run in newest.items()}
    for name, path in pages.items():
        shots += [(f"{name}-light", path, "light", WIDE), (f"{name}-dark", path, "dark", WIDE)]
        shots += [(f"{name}-phone", path, "light", PHONE)]
    return shots


def _picture(
    browser: Browser, built: building.Dashboard, to: Path, path: str, scheme: str, size: dict[str, int]
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(built.access.link)
    page.goto(f"http://127.0.0.1:{built.port}{path}")
    page.wait_for_selector("#wire[data-state=live]")
    _let_load(page)
    page.screenshot(path=to)
    context.close()
    picture = Image.open(to).convert("RGB")
    picture.save(to, optimize=True)
    if to.stat().st_size > MOST_BYTES:  # it shows a film
        picture.save(to.with_suffix(".jpg"), quality=82, optimize=True)
        to.unlink()


def _let_load(page: Page) -> None:
    """Wait until players and images show something."""
    ends = time.monotonic() + 10
    while not page.evaluate(LOADED) and time.monotonic() < ends:
        page.wait_for_timeout(100)
    page.wait_for_timeout(600)


if __name__ == "__main__":
    main()
