"""Whether a voice may be cloned: asked once for each recording, and remembered with its time.

What is remembered is the recording's digest and when and how the answer was given: neither the recording nor a name.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from dispatcher.tour.screen import Screen
from protocol.errors import UsageError

CONSENT = (
    "A voice belongs to a person. By going on you declare that the voice in this recording is your own, or that the "
    "person it belongs to has expressly allowed you to have it cloned for this film, and that you will not pass the "
    "result off as something that this person said."
)
"""What is agreed to. Its words are in docs/voice-cloning.md too; who changes them raises WORDING."""

WORDING = 1
QUESTION = "Do you have this permission?"


def require(recording: Path, sha256: str, *, given: bool, screen: Screen, book: Path, now: float) -> None:
    """Return if this recording's voice may be cloned: said now (`given`), said before, or answered when asked.

    Raises UsageError otherwise; nothing was sent then.
    """
    known = _read(book)
    if known.get(sha256, {}).get("wording") == WORDING:
        return
    if not given and not screen.ask([f"the voice in {recording} is to be cloned. {CONSENT}"], QUESTION):
        raise UsageError(
            f"without permission the voice in {recording} is not cloned: declare it with --voice-consent, or answer "
            "yes when asked in a terminal"
        )
    at = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    known[sha256] = {"wording": WORDING, "at": at, "how": "--voice-consent" if given else "asked"}
    book.parent.mkdir(parents=True, exist_ok=True)
    unfinished = book.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    unfinished.replace(book)


def _read(book: Path) -> dict[str, dict[str, object]]:
    """Return who was asked about before; a book that cannot be read holds nobody, so that it is asked again."""
    try:
        told = json.loads(book.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = told.items() if isinstance(told, dict) else ()
    return {sha256: entry for sha256, entry in entries if isinstance(entry, dict)}
