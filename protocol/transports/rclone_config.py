"""Rclone on this machine: its version, and its remotes without their secrets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.errors import EnvironmentNotReady

ANSWER_S = 20.0
_VERSION = re.compile(r"rclone v(\d+)\.(\d+)")


@dataclass(frozen=True)
class Remote:
    """One remote of rclone's configuration."""

    name: str
    kind: str
    has_own_client: bool  # with the user's own OAuth client id
    login_ends: float | None  # Unix time at which the login expires; None if it renews itself


def version() -> tuple[int, int]:
    """Return the version of rclone; EnvironmentNotReady if it is not installed."""
    found = _VERSION.search(_ask("version"))
    if found is None:
        raise EnvironmentNotReady("rclone does not report its version. Reinstall it (rclone.org/install)")
    return int(found[1]), int(found[2])


def remotes() -> list[Remote]:
    """Return the configured remotes, by name."""
    try:
        told: dict[str, Any] = json.loads(_ask("config", "dump"))
    except ValueError as error:
        raise EnvironmentNotReady("rclone's configuration cannot be read. Try: rclone config show") from error
    return [
        Remote(name, str(it.get("type")), bool(it.get("client_id")), _ends(it)) for name, it in sorted(told.items())
    ]


def _ask(*words: str) -> str:
    program = shutil.which("rclone")
    if program is None:
        raise EnvironmentNotReady("rclone is not installed. Only drops at rclone:… and rclone mounts need it")
    try:
        done = subprocess.run(
            [program, *words, "--ask-password=false"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentNotReady(f"rclone {words[0]} did not answer within {ANSWER_S:.0f} s") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EnvironmentNotReady(f"rclone {words[0]} failed: {last[:200]}")
    return done.stdout


def _ends(section: dict[str, Any]) -> float | None:
    try:
        token = json.loads(section["token"])
        return None if token.get("refresh_token") else datetime.fromisoformat(token["expiry"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
