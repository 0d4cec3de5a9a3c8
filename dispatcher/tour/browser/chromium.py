"""Which Chromium films a tour, and how it is started. Nothing here knows what is filmed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
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
HINT = (
    "install Chromium or Google Chrome, or set GPUDROP_CHROMIUM to one, "
    f"or run: {shlex.quote(sys.executable)} -m playwright install chromium"
)
FLAGS = (
    "--disable-gpu",  # software drawing is the same on every machine
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


def find_browser(explicit: Path | None = None) -> Path:
    """Return the Chromium to film with: the one named, else the system's, else Playwright's own.

    Raises EnvironmentNotReady, with the hint, where there is none.
    """
    if explicit is not None:
        return _named(explicit)
    found = (Path(path) for name in SYSTEM if (path := shutil.which(name)))
    return next((path for path in found if not _is_snap(path) and _answers(path)), None) or _playwrights_own()


def launch(playwright: Playwright, browser: Path, *, root: bool, scale: int = 1) -> Browser:
    """Start a headless Chromium. As root its sandbox cannot start and is left out; for nobody else.

    `scale` is how many pixels are recorded for a pixel of the page: a context's own device scale factor alone leaves
    the screencast as small as it was.
    """
    flags = [
        *FLAGS,
        *(["--no-sandbox"] if root else []),
        *([f"--force-device-scale-factor={scale}"] if scale > 1 else []),
    ]
    try:
        return playwright.chromium.launch(executable_path=browser, args=flags, timeout=60_000)
    except PlaywrightError as error:
        why = str(error).strip().splitlines()[0]
        raise EnvironmentNotReady(f"{browser} does not start ({why}); {HINT}") from error


def _named(path: Path) -> Path:
    found = shutil.which(path)
    if found is None:
        raise EnvironmentNotReady(f"the browser {path} does not exist or is no program; {HINT}")
    return Path(found)


def _is_snap(program: Path) -> bool:
    """Say whether this is Ubuntu's script that only asks for a snap, or the snap, which cannot see our files."""
    if "snap" in program.resolve().parts:
        return True
    with program.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"#!") and b"/snap/bin" in head


def _answers(program: Path) -> bool:
    """Say whether a program runs at all."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _playwrights_own() -> Path:
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    if not path.is_file():
        raise EnvironmentNotReady(f"no Chromium was found; {HINT}")
    return path
