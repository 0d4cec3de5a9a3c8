"""What must be true after every schedule, checked from outside: by contents and database commits only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from protocol.kinds import tts
from simulator.bench import VOICES, made
from simulator.world import HandedOver, Outcome


@dataclass(frozen=True)
class Violation:
    """One broken promise of one schedule."""

    kind: str
    what: str


def check(outcome: Outcome) -> list[Violation]:
    """Return every violation of a schedule."""
    found = [*_ends(outcome), *_commits(outcome)]
    for handed in outcome.handed_over:
        found += _contents(outcome, handed)
    return found


def _ends(outcome: Outcome) -> list[Violation]:
    """Every job ends for every waiting process, and in one way."""
    found = [Violation("stuck", f"{job} has not ended") for job in sorted(outcome.waiting)]
    handed = {it.job for it in outcome.handed_over}
    for job in outcome.texts:
        if job not in handed and job not in outcome.ended and job not in outcome.waiting:
            found.append(Violation("lost", f"{job} has disappeared"))
    found += [
        Violation("lost", f"{job} was given up as if its user had deleted it: {how}")
        for job, how in outcome.ended.items()
        if how.startswith("JobCancelled")
    ]
    contents: dict[str, dict[str, bytes]] = {}
    for it in outcome.handed_over:
        if contents.setdefault(it.job, it.files) != it.files:
            found.append(Violation("double_accepted", f"{it.job} was handed over with two contents"))
    return found


def _commits(outcome: Outcome) -> list[Violation]:
    """A run ends once."""
    counts = Counter(run for run, _ in outcome.commits)
    return [
        Violation("double_accepted", f"run {run} was ended {count} times: {outcome.commits}")
        for run, count in sorted(counts.items())
        if count > 1
    ]


def _contents(outcome: Outcome, handed: HandedOver) -> list[Violation]:
    """Every file handed over is exactly the recorded engine's output for this job's text.

    A plain answer (to a request whose envelope was damaged) has clips only, all of one voice.
    """
    texts = outcome.texts[handed.job]
    if not handed.voice:
        return _plain(texts, handed)
    wanted = {path: step for step in texts for path in (tts.wav_path(step), tts.words_path(step))}
    if set(handed.files) != set(wanted):
        return [Violation("unverified", f"{handed.job}: files {sorted(handed.files)} instead of {sorted(wanted)}")]
    found = []
    for path, step in wanted.items():
        if handed.files[path] == made(path, texts[step], handed.voice):
            continue
        other = [voice for voice in VOICES if handed.files[path] == made(path, texts[step], voice)]
        kind, what = ("mixed", f"is by {other[0]}") if other else ("unverified", "is not what any engine made")
        found.append(Violation(kind, f"{handed.job}: {path} {what}, the record says {handed.voice}"))
    return found


def _plain(texts: dict[str, str], handed: HandedOver) -> list[Violation]:
    for voice in VOICES:
        if handed.files == {(path := tts.wav_path(step)): made(path, text, voice) for step, text in texts.items()}:
            return []
    return [Violation("unverified", f"{handed.job}: the clips of a plain answer are not those of any one voice")]
