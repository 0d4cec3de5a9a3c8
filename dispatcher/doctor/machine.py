"""This machine: the programs that videos and drops need, the run database, and the free space on the disk."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec

from playwright.sync_api import sync_playwright

from dispatcher.config import Settings, is_root
from dispatcher.doctor.findings import Finding, checked
from dispatcher.formatting import clock_time, file_size, rough_time
from dispatcher.runs.store import RunStore
from dispatcher.tour.browser.chromium import find_browser, launch
from media import ffmpeg
from protocol.errors import EnvironmentNotReady
from protocol.transports import rclone_config

OLDEST_RCLONE = (1, 60)
ROOM_BYTES = 1 << 30
"""Below this the clips of a video may not fit."""

CLOCK_S = 3600.0
"""A clock that is behind the newest run by more than this was set back."""


def examine_machine(settings: Settings) -> list[Finding]:
    """Examine everything on this machine that needs no drop."""
    return [
        *checked("python", _python),
        *checked("ffmpeg", lambda: _ffmpeg(settings)),
        *checked("chromium", lambda: _chromium(settings)),
        *checked("speech", _speech),
        *checked("rclone", _rclone, worst="warn"),
        *checked("database", lambda: _database(settings)),
        *checked("disk", lambda: _disk(settings)),
    ]


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    known = (3, 11) <= sys.version_info[:2] <= (3, 13)
    hint = "" if known else "gpudrop is tested with 3.11 to 3.13: install one of them"
    yield Finding(check="python", state="ok" if known else "warn", said=f"Python {version}", hint=hint)


def _ffmpeg(settings: Settings) -> Iterator[Finding]:
    found = ffmpeg.find(settings.ffmpeg)
    yield Finding(check="ffmpeg", state="ok", said=f"{found.version} with every filter and encoder that a video needs")
    try:
        ffmpeg.find(settings.ffmpeg, needs=ffmpeg.NEEDED | {"vidstabdetect", "vidstabtransform"})
    except EnvironmentNotReady:
        hint = "Only stabilising needs it: unset FFMPEG_BINARY to use the embedded ffmpeg"
        yield Finding(check="ffmpeg", state="warn", said="this ffmpeg has no vidstab", hint=hint)


def _chromium(settings: Settings) -> Iterator[Finding]:
    path = find_browser(settings.chromium)
    with sync_playwright() as playwright:
        browser = launch(playwright, path, root=is_root())
        version = browser.version
        browser.close()
    yield Finding(check="chromium", state="ok", said=f"Chromium {version} starts ({path})")


def _speech() -> Iterator[Finding]:
    engines = {"kokoro_onnx": "kokoro (its model is downloaded on first use)", "espeakng_loader": "espeak"}
    here = [name for package, name in engines.items() if find_spec(package)]
    if here:
        yield Finding(check="speech", state="ok", said=f"speech engines on this machine: {', '.join(here)}")
    else:
        yield Finding(
            check="speech", state="fail", said="there is no speech engine on this machine", hint="Install gpudrop again"
        )


def _rclone() -> Iterator[Finding]:
    version = rclone_config.version()
    text = f"rclone {version[0]}.{version[1]}"
    if version < OLDEST_RCLONE:
        yield Finding(check="rclone", state="fail", said=f"{text} is too old", hint="Update it: rclone selfupdate")
        return
    remotes = rclone_config.remotes()
    yield Finding(check="rclone", state="ok", said=f"{text}, remotes: {', '.join(it.name for it in remotes) or 'none'}")
    for remote in remotes:
        if remote.kind == "drive" and not remote.has_own_client:
            said = f"{remote.name}: uses rclone's shared client id, which is slow and is being phased out"
            hint = (
                f"Make your own (rclone.org/drive, Making your own client_id), then: rclone config update {remote.name}"
            )
            yield Finding(check="rclone", state="warn", said=said, hint=hint)
        if remote.login_ends is not None and remote.login_ends < time.time():
            hint = f"Log in again: rclone config reconnect {remote.name}:"
            yield Finding(check="rclone", state="fail", said=f"{remote.name}: its login has expired", hint=hint)


def _database(settings: Settings) -> Iterator[Finding]:
    with RunStore.open(settings.database) as store:
        newest = max((run.created_at for run in store.recent(1)), default=0.0)
        yield Finding(check="database", state="ok", said=f"the run database opens ({store.database.where})")
    ahead = newest - time.time()
    if ahead > CLOCK_S:
        said = f"the newest run was created at {clock_time(newest, time.time())}, {rough_time(ahead)} in the future"
        hint = "This machine's clock was set back: correct it. Jobs are not affected"
        yield Finding(check="clock", state="warn", said=said, hint=hint)


def _disk(settings: Settings) -> Iterator[Finding]:
    place = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(place).free
    little = free < ROOM_BYTES
    hint = f"Free some space on {place}, or set GPUDROP_DATA_DIR to a folder on another disk" if little else ""
    said = f"{file_size(free)} free for results and clips"
    yield Finding(check="disk", state="warn" if little else "ok", said=said, hint=hint)
