"""A tour's narration written anew before it is spoken: proposed by a worker, checked here, used if its author agrees.

The spec of the user is never written to. What a worker proposes is believed no more than what a model says: it is
checked here once more, so that names, numbers and marks stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dispatcher.config import Settings
from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.tour import script, spec_file
from dispatcher.tour.options import Enhance, Options
from dispatcher.tour.screen import Screen
from dispatcher.tour.spec import Spec
from dispatcher.tour.workers import connected
from protocol.errors import EnvironmentNotReady, UsageError, VerificationError
from protocol.kinds import enhance
from speech import faithful

_NOTES = {
    "passed_over": "a better engine was passed over: {}",
    "unheeded": "the engine cannot follow: {}",
}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One step's narration before and after. `kept` says why nothing is proposed, where something was wrong."""

    step: str
    before: str
    after: str
    kept: str = ""


@dataclass(frozen=True, kw_only=True)
class Enhancement:
    """What came of it: by whom, which steps have new words now, and which were left alone for a reason."""

    engine: str
    accepted: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return it for a report."""
        return {
            "engine": self.engine,
            "accepted": list(self.accepted),
            "declined": list(self.declined),
            "kept": dict(self.kept),
        }


def check(spec_path: Path, wish: Enhance) -> None:
    """Raise UsageError for a spec that could not be written, before anything is done."""
    target = wish.spec
    if target is None:
        return
    if target.absolute().parent.resolve() != spec_path.absolute().parent.resolve():
        raise UsageError(f"--enhanced-spec {target} must lie beside {spec_path}: its relative paths start there")
    if target.exists():
        raise UsageError(f"--enhanced-spec {target} exists and is not written over: choose another name")


def enhanced(
    spec: Spec, wish: Enhance, options: Options, settings: Settings, work_dir: Path, screen: Screen
) -> tuple[Spec, Enhancement]:
    """Return the spec with the narration that was accepted, and what came of it. Raises as any job does."""
    entries = script.whole_lexicon(spec.settings.lexicon, options.lexicon)
    texts = [
        (step.id, step.narration)
        for step in spec.steps
        if not script.is_silent(step.narration, spec.settings.language, entries)
    ]
    if not texts:
        return spec, Enhancement(engine="none")
    glossary = _glossary(texts, entries, wish)
    result = _asked(_job(texts, glossary, spec.settings.language, wish), options, settings, work_dir, screen)
    proposals = checked(texts, result, glossary)
    engine = _engine(result)
    for note in _notes(result):
        screen.warn(note)
    for proposal in proposals:
        if proposal.kept:
            screen.warn(f"step {proposal.step} keeps its words: {proposal.kept}")
    return _agreed(spec, proposals, engine, wish, screen)


def _glossary(texts: Sequence[tuple[str, str]], entries: Mapping[str, str], wish: Enhance) -> tuple[str, ...]:
    """Return what must stay: the terms that were named, and the words of both lexicons that stand in these texts."""
    spelled = script.used(entries, [text for _, text in texts])
    return tuple(dict.fromkeys([*wish.glossary, *spelled]))[: enhance.MAX_TERMS]


def _agreed(
    spec: Spec, proposals: Sequence[Proposal], engine: str, wish: Enhance, screen: Screen
) -> tuple[Spec, Enhancement]:
    """Ask for what has changed, and put in what was accepted."""
    changed = [proposal for proposal in proposals if proposal.after != proposal.before]
    accepted = screen.review([(each.step, each.before, each.after) for each in changed], engine, yes=wish.yes)
    new = {each.step: each.after for each in changed if each.step in accepted}
    done = Enhancement(
        engine=engine,
        accepted=tuple(new),
        declined=tuple(each.step for each in changed if each.step not in new),
        kept={each.step: each.kept for each in proposals if each.kept},
    )
    screen.say(f"enhanced: {len(new)} of {len(proposals)} narrations have new words, by {engine}")
    if wish.spec is not None:
        write_spec(spec.source, wish.spec, new)
        screen.say(f"enhanced spec: {wish.spec}")
    steps = tuple(step.model_copy(update={"narration": new.get(step.id, step.narration)}) for step in spec.steps)
    return spec.model_copy(update={"steps": steps}), done


def _job(texts: Sequence[tuple[str, str]], glossary: Sequence[str], language: str, wish: Enhance) -> Job:
    params: dict[str, Any] = {
        "purpose": "narration",
        "language": language,
        "texts": [{"id": step, "text": text} for step, text in texts],
    }
    if glossary:
        params["glossary"] = list(glossary)
    if wish.instruction:
        params["instruction"] = wish.instruction
    if wish.model != "auto":
        params["model"] = wish.model
    return Job(kind="enhance", params=params)


def _asked(job: Job, options: Options, settings: Settings, work_dir: Path, screen: Screen) -> Result:
    """Have the job done where the narration is spoken."""
    with screen.stage("enhancing") as stage, connected(options, settings, work_dir, "enhance") as workers:

        def on_progress(progress: Progress) -> None:
            stage.job(progress)
            workers.keep()

        result = workers.client.submit(job).wait(options.timeout_s, on_progress=on_progress)
        stage.update(1, 1, f"{len(job.params['texts'])} narrations")
        workers.client.clean()
    return result


def checked(texts: Sequence[tuple[str, str]], result: Result, glossary: Sequence[str]) -> list[Proposal]:
    """Return a proposal for each text. Raises VerificationError for a result that is about other texts."""
    path = result.files.get(enhance.TEXTS_JSON)
    if path is None:
        raise VerificationError(f"the result of run {result.run} holds no {enhance.TEXTS_JSON}")
    pairs = enhance.read_enhanced(path.read_bytes()).texts
    if [(pair.id, pair.original) for pair in pairs] != list(texts):
        raise VerificationError(f"the result of run {result.run} is about other texts than the tour's")
    return [_proposal(pair, glossary) for pair in pairs]


def _proposal(pair: enhance.Rewritten, glossary: Sequence[str]) -> Proposal:
    if pair.kept or pair.enhanced == pair.original:
        return Proposal(step=pair.id, before=pair.original, after=pair.original, kept=pair.kept)
    wrong = faithful.findings(pair.original, pair.enhanced, glossary=glossary, bounds=faithful.Bounds())
    try:
        script.checked(pair.enhanced)
    except ValueError as problem:
        wrong.append(str(problem))
    after = pair.original if wrong else pair.enhanced
    return Proposal(step=pair.id, before=pair.original, after=after, kept="; ".join(wrong))


def write_spec(source: Path, target: Path, narrations: Mapping[str, str]) -> None:
    """Write the spec in `source` anew as `target`, with these narrations by step id. A file that is there stays."""
    raw, _ = spec_file.read(source)
    for step in raw.get("segments") or raw.get("steps") or ():
        if step.get("id") in narrations:
            step["narration"] = narrations[step["id"]]
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(json.dumps(raw, ensure_ascii=False, indent=2) + "\n")
    except FileExistsError as there:
        raise UsageError(f"--enhanced-spec {target} exists and is not written over: choose another name") from there
    except OSError as error:
        raise EnvironmentNotReady(f"the enhanced spec {target} cannot be written: {error.strerror}") from error


def _engine(result: Result) -> str:
    engine = result.engine
    if engine is None:
        return "an unknown engine"
    return f"{engine.name} {engine.version} ({engine.tier}, {engine.device})"


def _notes(result: Result) -> list[str]:
    """Return what must not go unsaid of a result, as far as the worker told it in the right shape."""
    found = []
    for name, text in _NOTES.items():
        told = result.summary.get(name)
        found += [text.format(each) for each in told] if isinstance(told, list | tuple) else []
    return found
