"""The table of engines that rewrite texts. A new engine is a file of its own and a row here."""

from __future__ import annotations

from colab.engines.registry import EngineRow, EngineTable, Opening
from colab.handlers.enhance.engine import Rewriter

ANY_MODEL = "auto"
"""Who asks for no model in particular gets the best one that is here."""

ModelName = str
"""What a job asks of its engine."""


def _llm(opening: Opening[ModelName]) -> Rewriter:
    from colab.handlers.enhance.llm import LanguageModel

    return LanguageModel(opening.models, device=opening.models.provider)


def _rules(_: Opening[ModelName]) -> Rewriter:
    from colab.handlers.enhance.rules import RuleBasedRewriter

    return RuleBasedRewriter()


RewriterTable = EngineTable[ModelName, Rewriter]

ENGINES: RewriterTable = EngineTable(
    kind="enhance",
    any_job=ANY_MODEL,
    names_model=lambda model: model != ANY_MODEL,
    check=lambda engine, model: engine.pick(model),
    rows=(
        EngineRow(name="llm", open=_llm, packages=("torch", "transformers"), extra="llm"),
        EngineRow(name="rules", open=_rules, suits=lambda model: model == ANY_MODEL),
    ),
)
