"""Finding and starting the browser that is filmed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from protocol.errors import EnvironmentNotReady

SYSTEM = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)
CURE = "run: make chromium (or .venv/bin/playwright install chromium), or set GPUDROP_CHROMIUM to a Chromium or Chrome"


def find_browser(explicit: Path | None) -> Path:
    """Return the browser to film with: `explicit`, else the system's, else Playwright's own."""
    if explicit is not None:
        if shutil.which(str(explicit)) is None:
            raise EnvironmentNotReady(f"{explicit} is no program; {CURE}")
        return explicit
    for name in SYSTEM:
        if (found := shutil.which(name)) is not None and not _is_snap_stub(Path(found)):
            return Path(found)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if not own.exists():
        raise EnvironmentNotReady(f"no Chromium was found; {CURE}")
    return own


def _is_snap_stub(program: Path) -> bool:
    """Say whether this is Ubuntu's script that only asks for a snap, or the snap, which cannot see our files."""
    if "snap" in program.resolve().parts:
        return True
    with program.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"#!") and b"/snap/bin" in head


@contextmanager
def launched(program: Path, *, root: bool) -> Iterator[Browser]:
    """Run the browser for the length of a block. As root its sandbox cannot start, so it is left out there only."""
    with sync_playwright() as playwright:
        browser = _launch(playwright, program, root=root)
        try:
            yield browser
        finally:
            browser.close()


def _launch(playwright: Playwright, program: Path, *, root: bool) -> Browser:
    flags = [*FLAGS, *(["--no-sandbox"] if root else [])]
    try:
        return playwright.chromium.launch(executable_path=program, args=flags, timeout=60_000)
    except PlaywrightError as error:
        raise EnvironmentNotReady(f"{program} does not start: {error.message.splitlines()[0]}; {CURE}") from error
