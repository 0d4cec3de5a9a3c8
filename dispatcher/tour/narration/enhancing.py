"""Rewriting a tour's narration before it is spoken: a worker proposes, it is checked here, and the author accepts.

The user's spec is never modified. A worker's proposal is not trusted: it is checked here again, so that names, numbers
and marks are preserved.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.tour.options import Enhance
from dispatcher.tour.session import TourSession
from dispatcher.tour.spec import json_file, script
from dispatcher.tour.spec.model import Spec
from protocol.errors import EnvironmentNotReady, UsageError, VerificationError
from protocol.kinds import enhance
from speech import faithful

Ask = Callable[[Job, TourSession], Result]
"""Does a job and returns its verified result."""

_NOTES = {
    "passed_over": "a better engine was not used: {}",
    "unheeded": "the engine does not support {}",
}
"""The warning for each list of a result's summary."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One step's narration before and after. `rejected` says why nothing is proposed, if there was a fault."""

    step: str
    before: str
    after: str
    rejected: str = ""


@dataclass(frozen=True, kw_only=True)
class Enhancement:
    """The outcome: the engine, the steps that have new text now, and the steps left unchanged, with the reason."""

    engine: str
    accepted: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    unchanged: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a report."""
        return {
            "engine": self.engine,
            "accepted": list(self.accepted),
            "declined": list(self.declined),
            "kept": dict(self.unchanged),
        }


def check(session: TourSession) -> None:
    """Raise UsageError if the enhanced spec could not be written, before anything is done."""
    target = session.options.enhance.spec if session.options.enhance else None
    if target is None:
        return
    if target.absolute().parent.resolve() != session.spec_path.absolute().parent.resolve():
        raise UsageError(
            f"--enhanced-spec {target} must be in the folder of {session.spec_path}: its relative paths start there"
        )
    if target.exists():
        raise UsageError(f"--enhanced-spec {target} exists and is not overwritten: choose another name")


def enhance_narration(spec: Spec, session: TourSession, ask: Ask | None = None) -> tuple[Spec, Enhancement | None]:
    """Return the spec with the new narration that was accepted, and the outcome; without --enhance, the spec itself.

    `ask` does the job; by default a worker does. Raises as any job does.
    """
    enhance_options = session.options.enhance
    if enhance_options is None:
        return spec, None
    entries = script.merged_lexicon(spec.settings.lexicon, session.options.lexicon)
    texts = [
        (step.id, step.narration)
        for step in spec.steps
        if not script.is_silent(step.narration, spec.settings.language, entries)
    ]
    if not texts:
        return spec, Enhancement(engine="none")
    glossary = _glossary(texts, entries, enhance_options)
    result = (ask or _ask_worker)(_job(texts, glossary, spec.settings.language, enhance_options), session)
    proposals = check_proposals(texts, result, glossary)
    for note in _notes(result):
        session.screen.warn(note)
    for proposal in proposals:
        if proposal.rejected:
            session.screen.warn(f"step {proposal.step} keeps its text: {proposal.rejected}")
    return _accept(spec, proposals, _engine(result), session)


def _glossary(
    texts: Sequence[tuple[str, str]], entries: Mapping[str, str], enhance_options: Enhance
) -> tuple[str, ...]:
    """Return the terms that must be preserved: those of --glossary, and the words of both lexicons in these texts."""
    spelled = script.used(entries, [text for _, text in texts])
    return tuple(dict.fromkeys([*enhance_options.glossary, *spelled]))[: enhance.MAX_TERMS]


def _accept(spec: Spec, proposals: Sequence[Proposal], engine: str, session: TourSession) -> tuple[Spec, Enhancement]:
    """Ask which changes are accepted, and return the spec with them."""
    assert session.options.enhance is not None  # without it nothing was proposed
    screen, target = session.screen, session.options.enhance.spec
    changed = [proposal for proposal in proposals if proposal.after != proposal.before]
    accepted = screen.review(
        [(each.step, each.before, each.after) for each in changed], engine, yes=session.options.enhance.yes
    )
    new = {each.step: each.after for each in changed if each.step in accepted}
    outcome = Enhancement(
        engine=engine,
        accepted=tuple(new),
        declined=tuple(each.step for each in changed if each.step not in new),
        unchanged={each.step: each.rejected for each in proposals if each.rejected},
    )
    screen.say(f"enhanced: {len(new)} of {len(proposals)} narrations have new text, by {engine}")
    if target is not None:
        write_spec(spec.source, target, new)
        screen.say(f"enhanced spec: {target}")
    steps = tuple(step.model_copy(update={"narration": new.get(step.id, step.narration)}) for step in spec.steps)
    return spec.model_copy(update={"steps": steps}), outcome


def _job(texts: Sequence[tuple[str, str]], glossary: Sequence[str], language: str, options: Enhance) -> Job:
    params: dict[str, Any] = {
        "purpose": "narration",
        "language": language,
        "texts": [{"id": step, "text": text} for step, text in texts],
    }
    if glossary:
        params["glossary"] = list(glossary)
    if options.instruction:
        params["instruction"] = options.instruction
    if options.model != "auto":
        params["model"] = options.model
    return Job(kind="enhance", params=params)


def _ask_worker(job: Job, session: TourSession) -> Result:
    """Have the job done by the workers that speak the narration."""
    with session.screen.stage("enhancing") as stage, session.connect("enhance") as workers:

        def on_progress(progress: Progress) -> None:
            stage.job(progress)
            workers.keep()

        result = workers.client.submit(job).wait(session.options.timeout_s, on_progress=on_progress)
        stage.update(1, 1, f"{len(job.params['texts'])} narrations")
        workers.client.clean()
    return result


def check_proposals(texts: Sequence[tuple[str, str]], result: Result, glossary: Sequence[str]) -> list[Proposal]:
    """Return a proposal for each text. Raises VerificationError if the result is for other texts."""
    path = result.files.get(enhance.TEXTS_JSON)
    if path is None:
        raise VerificationError(f"the result of run {result.run} has no {enhance.TEXTS_JSON}")
    pairs = enhance.read_enhanced(path.read_bytes()).texts
    if [(pair.id, pair.original) for pair in pairs] != list(texts):
        raise VerificationError(f"the result of run {result.run} is for other texts than the tour's")
    return [_proposal(pair, glossary) for pair in pairs]


def _proposal(pair: enhance.Rewritten, glossary: Sequence[str]) -> Proposal:
    if pair.kept or pair.enhanced == pair.original:
        return Proposal(step=pair.id, before=pair.original, after=pair.original, rejected=pair.kept)
    wrong = faithful.findings(pair.original, pair.enhanced, glossary=glossary, bounds=faithful.Bounds())
    try:
        script.checked(pair.enhanced)
    except ValueError as problem:
        wrong.append(str(problem))
    after = pair.original if wrong else pair.enhanced
    return Proposal(step=pair.id, before=pair.original, after=after, rejected="; ".join(wrong))


def write_spec(source: Path, target: Path, narrations: Mapping[str, str]) -> None:
    """Write a copy of the spec `source` to `target` with these narrations, by step id. An existing file is kept."""
    raw, _ = json_file.read(source)
    for step in raw.get("segments") or raw.get("steps") or ():
        if step.get("id") in narrations:
            step["narration"] = narrations[step["id"]]
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(json.dumps(raw, ensure_ascii=False, indent=2) + "\n")
    except FileExistsError as there:
        raise UsageError(f"--enhanced-spec {target} exists and is not overwritten: choose another name") from there
    except OSError as error:
        raise EnvironmentNotReady(f"the enhanced spec {target} cannot be written: {error.strerror}") from error


def _engine(result: Result) -> str:
    engine = result.engine
    if engine is None:
        return "an unknown engine"
    return f"{engine.name} {engine.version} ({engine.tier}, {engine.device})"


def _notes(result: Result) -> list[str]:
    """Return the warnings in a result's summary; anything malformed is ignored."""
    found = []
    for name, text in _NOTES.items():
        listed = result.summary.get(name)
        found += [text.format(each) for each in listed] if isinstance(listed, list | tuple) else []
    return found
