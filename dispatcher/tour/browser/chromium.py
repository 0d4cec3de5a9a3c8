"""Finding and starting the Chromium that records a tour."""

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
    """Return the Chromium to record with: the given one, else the system's, else Playwright's own.

    Raises EnvironmentNotReady, with a hint, if there is none.
    """
    if explicit is not None:
        return _named(explicit)
    found = (Path(path) for name in SYSTEM if (path := shutil.which(name)))
    return next((path for path in found if not _is_snap(path) and _runs(path)), None) or _playwrights_own()


def launch(playwright: Playwright, browser: Path, *, root: bool, scale: int = 1) -> Browser:
    """Start a headless Chromium; for root only, without its sandbox, which root cannot start.

    `scale` is the number of recorded pixels for each CSS pixel: a context's device scale factor alone does not change
    the size of the screencast.
    """
    flags = [
        *FLAGS,
        *(["--no-sandbox"] if root else []),
        *([f"--force-device-scale-factor={scale}"] if scale > 1 else []),
    ]
    try:
        return playwright.chromium.launch(executable_path=browser, args=flags, timeout=60_000)
    except PlaywrightError as error:
        reason = str(error).strip().splitlines()[0]
        raise EnvironmentNotReady(f"{browser} does not start ({reason}); {HINT}") from error


def _named(path: Path) -> Path:
    found = shutil.which(path)
    if found is None:
        raise EnvironmentNotReady(f"the browser {path} does not exist or is not a program; {HINT}")
    return Path(found)


def _is_snap(program: Path) -> bool:
    """Say whether this is Ubuntu's stub for a snap, or a snap, which cannot read our files."""
    if "snap" in program.resolve().parts:
        return True
    with program.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"#!") and b"/snap/bin" in head


def _runs(program: Path) -> bool:
    """Say whether a program can be run."""
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
