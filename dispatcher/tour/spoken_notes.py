"""What a spoken result says of itself, in words: who spoke, and what its user must not miss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dispatcher.jobs.job import Result
from dispatcher.tour import script
from protocol.messages import EngineRecord


def engine_text(engine: EngineRecord | None) -> str:
    """Return an engine as people read it: "espeak 1.52 (embedded, cpu)"."""
    if engine is None:
        return "an old worker (engine unknown)"
    return f"{engine.name} {engine.version} ({engine.tier}, {engine.device})"


def substituted(asked: str, by: str) -> str:
    """Return the warning that another voice spoke than the one that was asked for."""
    return f"voice {asked} is not there: spoken by {by} (--require-engine makes this an error)"


def warnings(result: Result, params: Mapping[str, Any]) -> list[str]:
    """Return what must not go unsaid of a new result: no hashes, wishes that were not heeded, a better engine that is
    installed, steps that are silent or doubtful."""
    said = []
    if result.verified == "legacy":
        said.append("the answer came in the simple form, without hashes: it was looked at twice, not verified")
        if wishes := script.unheeded(params):
            said.append(f"the old worker does not know: {', '.join(wishes)}; the words are spoken without")
    for reason in _listed(result, "passed_over"):
        said.append(f"a better engine was passed over: {reason} (--require-engine makes this an error)")
    if silent := _listed(result, "silent"):
        said.append(f"nothing to speak in step(s) {', '.join(silent)}")
    if unstressed := _listed(result, "unstressed"):
        said.append(f"the engine cannot emphasise: step(s) {', '.join(unstressed)} are spoken evenly")
    for step, reasons in doubtful(result).items():
        said.append(f"step {step} may not sound right, listen to it: {'; '.join(reasons)}")
    return said


def _listed(result: Result, name: str) -> tuple[str, ...]:
    """Return the texts that a worker told under this name. Nobody checks them before: what is no list says nothing."""
    told = result.summary.get(name)
    return tuple(map(str, told)) if isinstance(told, list) else ()


def doubtful(result: Result) -> dict[str, tuple[str, ...]]:
    """Return why steps may not sound right, as far as a worker told in the right shape."""
    told = result.summary.get("doubtful")
    steps = told.items() if isinstance(told, dict) else ()
    return {step: tuple(map(str, reasons)) if isinstance(reasons, list) else () for step, reasons in steps}
