"""Enhancing: the glue between texts and who writes them anew. No model library is imported here.

Nothing an engine says is trusted: each answer is checked against its text, asked for once more with what was wrong,
and the text stays as it was where no answer is good. What stands in a text can spoil the answer to that text only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from colab.engines.registry import Choice
from colab.handlers.enhance import blocks
from colab.handlers.enhance.engine import RewriteOptions, Rewriter
from colab.handlers.enhance.engines import ENGINES, RewriterTable
from colab.handlers.enhance.rewriting import RewritingJob
from colab.job_errors import closed_codes
from colab.models import Models
from colab.work import Work, WorkResult
from protocol.errors import JobFailed
from protocol.kinds.enhance import FILE_JSON, TEXTS_JSON, Enhanced, Params, Rewritten, Text, text_path
from protocol.kinds.kind import SOURCE
from protocol.messages import Choices, EngineRecord
from speech.faithful import Bounds

TOLD = 20
"""So many texts that were kept are named in the marker; the JSON has all."""


@dataclass(frozen=True, kw_only=True)
class EnhanceHandler:
    """Rewrites texts. The same request gives the same bytes, as far as the engine can."""

    table: RewriterTable = ENGINES
    checkpoint_s: float = 30.0  # how much work may be lost, about
    batch: int | None = None  # texts that an engine is given at once; its own number if None
    poll_s: float = 0.5  # how often an engine at work looks whether the job must end
    kind: str = "enhance"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can write here, best first."""
        return tuple(engine.record() for engine in self.table.available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return the models of each engine."""
        return {engine.name: engine.choices() for engine in self.table.available(models)}

    def run(self, work: Work) -> WorkResult:
        """Write every text anew, then the outputs. Raises `JobFailed`."""
        params = cast(Params, work.params)
        whole, line_end = _blocks(work, params)
        texts = params.texts or tuple(Text(id=block.id, text=block.text) for block in whole if block.id is not None)
        wish = _wish(params)
        choice = self.table.choose(work.models, params.model, work.engine)
        record = choice.engine.record()
        with closed_codes("it cannot be rewritten"):
            rewriting = RewritingJob(
                work=work,
                engine=choice.engine,
                wish=wish,
                params=params,
                texts=texts,
                reusable=work.begin(record),
                checkpoint_s=self.checkpoint_s,
                poll_s=self.poll_s,
                batch=max(params.batch_size, self.batch or choice.engine.batch),
            )
            rewritten = rewriting.run()
            _publish(work, params, whole, line_end, rewritten)
        return WorkResult(engine=record, summary=_summary(choice, wish, rewritten))


def _blocks(work: Work, params: Params) -> tuple[list[blocks.Block], str]:
    """Return the blocks of the source and its line ends; no blocks for texts that came with the request."""
    source = work.inputs.get(SOURCE)
    if (source is None) == (params.texts is None):
        raise JobFailed("give either a text file or texts, and not both", code="BAD_REQUEST")
    if source is None:
        return [], "\n"
    text, line_end = blocks.read(source)
    found = blocks.split(text, params.purpose)
    if not any(block.id for block in found):
        raise JobFailed(
            "the source holds no prose: headings, code and tables stay as they are, and there is nothing else",
            code="INPUT_CORRUPT",
        )
    return found, line_end


def _wish(params: Params) -> RewriteOptions:
    return RewriteOptions(
        purpose=params.purpose,
        instruction=" ".join(params.instruction.split()),
        bounds=Bounds(factor=params.longest_factor, words=params.max_words),
        temperature=params.temperature,
        seed=params.seed,
        offload=params.offload,
    )


def _publish(
    work: Work, params: Params, whole: list[blocks.Block], line_end: str, rewritten: tuple[Rewritten, ...]
) -> None:
    told = Enhanced(purpose=params.purpose, texts=rewritten).model_dump_json(indent=1) + "\n"
    if params.texts is not None:
        _write(work, TEXTS_JSON, told)
        return
    text = blocks.joined(whole, {pair.id: pair.enhanced for pair in rewritten})
    _write(work, text_path(params.format), text.replace("\n", line_end))
    _write(work, FILE_JSON, told)


def _write(work: Work, path: str, text: str) -> None:
    work.output(path).write_text(text, encoding="utf-8", newline="")
    work.publish(path)


def _summary(choice: Choice[Rewriter], wish: RewriteOptions, rewritten: tuple[Rewritten, ...]) -> dict[str, Any]:
    """Return what the marker says: how much has changed, and whatever is not as it was asked."""
    kept = {pair.id: pair.kept[:200] for pair in rewritten if pair.kept}
    notes: list[str] = []
    summary: dict[str, Any] = {
        "texts": len(rewritten),
        "changed": sum(pair.enhanced != pair.original for pair in rewritten),
    }
    if kept:
        summary["kept_original"] = len(kept)
        summary["kept_because"] = dict(list(kept.items())[:TOLD])
        first, why = next(iter(kept.items()))
        notes.append(f"{len(kept)} of {len(rewritten)} texts are unchanged; {first}: {why}")
    if choice.passed_over:
        summary["passed_over"] = [reason[:500] for reason in choice.passed_over]
    if unheeded := choice.engine.unheeded(wish):
        summary["unheeded"] = unheeded
        notes.append(f"the engine {choice.engine.name} cannot follow: {', '.join(unheeded)}")
    if notes:
        summary["notes"] = notes
    return summary


HANDLER = EnhanceHandler()
