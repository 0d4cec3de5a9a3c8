"""Requests of the simple form: made fit for a handler, with the way back to the names that the asker looks for.

Existing users name their steps as they like and send keys of their own. What cannot be answered with clips is said in
sentences for people, and else the kind's own check says what is wrong (FORMAT.md, the simple form).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.kinds import tts
from protocol.layout import check_portable_name

MAX_CHARACTERS = 64
MAX_BYTES = 200
_NOT_IN_A_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_NOT_PORTABLE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class PlainRequest:
    """The parameters for the handler, and what its names stand for where they are not the asker's own."""

    params: dict[str, Any]
    ids: Mapping[str, str] = field(default_factory=dict)  # the handler's step id → the asker's
    problem: str | None = None  # a step id that may name no clip, in a sentence

    def clip(self, path: str) -> str:
        """Return where the asker looks for the clip that the handler wrote to `path`."""
        return next((tts.wav_path(asked) for ours, asked in self.ids.items() if tts.wav_path(ours) == path), path)

    def step(self, step: str | None) -> str | None:
        """Return the asker's name of a step."""
        return self.ids.get(step, step) if step else None


def understand(params: Mapping[str, Any]) -> PlainRequest:
    """Return the known part of a plain request, its steps under ids that any file system can hold."""
    known = {key: value for key, value in params.items() if key in tts.Params.model_fields}
    steps = known.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        return PlainRequest(params=known)
    asked = [_as_text(step.get("id")) for step in steps]
    names = [_name(step_id, number) for number, step_id in enumerate(asked, 1)]
    known["steps"] = [
        {**{key: value for key, value in step.items() if key in tts.Step.model_fields}, "id": name}
        for step, name in zip(steps, names, strict=True)
    ]
    renamed = {ours: theirs for ours, theirs in zip(names, asked, strict=True) if ours != theirs}
    return PlainRequest(params=known, ids=renamed, problem=_bad_id(asked))


def _bad_id(asked: Sequence[Any]) -> str | None:
    """Return what is wrong with the first step id that may name no clip."""
    for number, step_id in enumerate(asked, 1):
        if isinstance(step_id, str) and _name(step_id, number) == step_id and not _is_portable(step_id):
            return (
                f"The id of step {number}, {step_id[:80]!r}, cannot be used: it names a clip, so it needs 1 to "
                f'{MAX_CHARACTERS} characters ({MAX_BYTES} bytes) without control characters and / \\ : * ? " < > |.'
            )
    return None


def _as_text(step_id: Any) -> Any:
    return str(step_id) if isinstance(step_id, int) and not isinstance(step_id, bool) else step_id


def _name(step_id: Any, number: int) -> Any:
    """Return a portable name for an id that has none; one that may not name a clip is returned as it is."""
    if not isinstance(step_id, str) or _is_portable(step_id):
        return step_id
    if not step_id or len(step_id) > MAX_CHARACTERS or _NOT_IN_A_NAME.search(step_id):
        return step_id
    if len(step_id.encode()) > MAX_BYTES:
        return step_id
    return f"{number}-{_NOT_PORTABLE.sub('-', step_id)[:40]}".rstrip(".")


def _is_portable(step_id: str) -> bool:
    try:
        check_portable_name(step_id)
    except ValueError:
        return False
    return True
