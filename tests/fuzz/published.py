"""`python -m tests.fuzz.published <JSONTestSuite> <blns.json>`: what others have collected, through both sides, once.

Neither collection is kept here. What comes out is written down in docs/security.md.
"""

from __future__ import annotations

import collections
import json
import sys
import tempfile
from pathlib import Path

from dispatcher.jobs.job import Job
from protocol import codec
from protocol.errors import BadMessage
from protocol.kinds import tts
from protocol.layout import is_job_id, is_worker_id, parse_job_name, parse_worker_name
from protocol.messages import OutputFile
from tests.fuzz import codec as codec_target
from tests.support.drops import client, make_drop, worker
from usertext.redaction import STEERING, legible, redact


def json_suite(folder: Path) -> str:
    """Read every file of test_parsing as our reader and both sides do, and count by its letter."""
    counts: collections.Counter[tuple[str, bool]] = collections.Counter()
    told = []
    for path in sorted((folder / "test_parsing").glob("*.json")):
        data = path.read_bytes()
        codec_target.target(data)
        accepted = _accepts(data)
        counts[path.name[0], accepted] += 1
        if (path.name[0] == "y" and not accepted) or (path.name[0] == "n" and accepted):
            told.append(path.name)
    lines = [f"{letter}: {counts[letter, True]} accepted, {counts[letter, False]} refused" for letter in "yni"]
    return "\n".join(["JSONTestSuite", *lines, f"not as it says: {', '.join(told) or 'none'}"])


def _accepts(data: bytes) -> bool:
    try:
        codec.loads(data)
    except BadMessage:
        return False
    return True


def naughty_strings(path: Path) -> str:
    """Hold every string to the rules for names and texts, then send all through a real worker."""
    strings: list[str] = json.loads(path.read_text(encoding="utf-8"))
    names = sum(map(_is_name, strings))
    for text in strings:
        assert parse_job_name(text) is None
        assert parse_worker_name(text) is None
        assert not STEERING.search(legible(text))
        redact(text)
        assert codec.loads(json.dumps({"text": text}).encode()) == {"text": text}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        drop = make_drop(folder / "drop")
        before = {entry.name for entry in folder.iterdir()}
        with worker(drop), client(drop, folder / "data") as sender:
            echoed = sum(_echoed(sender, text) for text in strings if text)
            spoken = _spoken(sender, strings)
        left = {entry.name for entry in folder.iterdir()} - before
    assert left <= {"data", "drop.log"}, left
    return (
        f"Big List of Naughty Strings: {len(strings)}\ngood as a name: {names}, the others refused\n"
        f"back as they were from a worker: {echoed}\nspoken, with a sound and word times that check: {spoken}"
    )


def _is_name(text: str) -> bool:
    """Say whether a string may name a job, a worker or a result: all three agree, or none takes it."""
    try:
        OutputFile.model_validate({"path": text, "in": "x", "size": 0, "sha256": "0" * 64})
    except ValueError:
        assert not is_job_id(text)
        assert not is_worker_id(text)
        return False
    return True


def _echoed(sender: object, text: str) -> bool:
    result = sender.submit(Job(kind="echo", params={"text": text})).wait(60)  # type: ignore[attr-defined]
    return bool(result.files["echo.txt"].read_bytes().decode("utf-8") == text)


def _spoken(sender: object, strings: list[str]) -> int:
    steps = [{"id": f"s{n}", "narration": text} for n, text in enumerate(strings)]
    result = sender.submit(Job(kind="tts", params={"steps": steps})).wait(600)  # type: ignore[attr-defined]
    return sum(1 for n in range(len(strings)) if tts.read_times(result.files[tts.words_path(f"s{n}")].read_bytes()))


if __name__ == "__main__":
    sys.stdout.write(f"{json_suite(Path(sys.argv[1]))}\n{naughty_strings(Path(sys.argv[2]))}\n")
