"""The simple form: its three messages, and the requests that no worker can serve (FORMAT.md, the simple form).

These messages have no envelope: nothing in them says which job they are for or proves that they are complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict

from protocol.fields import Count, FrozenRecord, Seconds, Short, Text


class PlainRequest(FrozenRecord):
    """A request without the key `job`: the parameters of a `tts` job, as existing users write them."""

    params: dict[str, Any]


class PlainDone(FrozenRecord):
    """A done marker as existing users know it; the full form adds an envelope to it."""

    status: Literal["completed"] = "completed"
    total_duration: Seconds | None = None
    steps_generated: Count | None = None
    results: Any = None
    timestamp: Short | None = None

    model_config = ConfigDict(frozen=True, extra="allow")


class PlainFailure(FrozenRecord):
    """An error marker as existing users know it; the full form adds an envelope to it."""

    status: Literal["error"] = "error"
    error: Text
    step: Short | None = None

    model_config = ConfigDict(frozen=True, extra="allow")


OPERATIONS = frozenset({"operations", "input_files", "output_format"})
"""The keys that mark an old request for encoding."""


def refused(params: Mapping[str, Any]) -> str | None:
    """Return why none of our workers can answer a plain request, in a sentence for its author; None if they can."""
    if "steps" in params:
        return None
    if asks_for_operations(params):
        return (
            "This request asks for video work (operations), but a plain request can only ask for narration. Encode the "
            "video with `gpudrop encode FILE --backend colab`, or a tour with `--encode-backend colab-nvenc`."
        )
    there = ", ".join(f"{key!r}" for key in sorted(params)[:8]) or "nothing"
    return (
        'request.json has no `steps`, so there is nothing to say. Add "steps": [{"id": "1", "narration": "…"}]; '
        f"it has {there}."
    )


def asks_for_operations(params: Mapping[str, Any]) -> bool:
    """Say whether a plain request is an old one for encoding, which an old worker may still do."""
    return "steps" not in params and bool(OPERATIONS & params.keys())


def bad_name(job: str) -> str:
    """Return what to tell the author of a request whose folder has a name that no job may have."""
    return (
        f"The folder name {job!r} cannot be used: a job's name has at most 40 letters, digits, '.', '_' and '-', and "
        "begins with a letter or a digit. Write the request into a folder with such a name."
    )
