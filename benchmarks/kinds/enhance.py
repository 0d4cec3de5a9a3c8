"""What the handler of `enhance` costs beside its engine: reading, splitting, batches, progress, JSON; same texts.

By rules everywhere; by a language model of random weights where torch and transformers are installed (.venv-all).
"""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.kinds.arm import Comparison
from colab.fake_workbench import FakeWorkbench
from colab.handlers.enhance import HANDLER
from colab.handlers.enhance.rules import clean
from colab.models import Models
from protocol.kinds.enhance import FILE_JSON, MAX_FILE_BYTES
from speech.faithful import Bounds, findings

PARAGRAPH = (
    "So, um, in this step {n} we we click on the Save button in order to save the file, and then we open JupyterLab "
    "and have a look at the {n} cells that we ran before [pause 0.5s], you know, and it's all there.\n\n"
)
MANY, FEW = 500, 8
MODEL = "qwen2.5-1.5b-instruct"


def comparisons(folder: Path) -> list[Comparison]:
    """Return the comparisons that can be made here."""
    found = [_rules(folder)]
    if all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        found.append(_model(folder))
    return found


def _notes(folder: Path, paragraphs: int) -> Path:
    path = folder / f"notes-{paragraphs}.txt"
    path.write_text("".join(PARAGRAPH.format(n=n) for n in range(paragraphs)), encoding="utf-8")
    assert path.stat().st_size < MAX_FILE_BYTES
    return path


def _rules(folder: Path) -> Comparison:
    notes = _notes(folder, MANY)

    def theirs() -> list[str]:
        """Clean, check and write each paragraph in a loop, as a script would that uses our functions."""
        texts = notes.read_text(encoding="utf-8").split("\n\n")[:-1]
        answers = [clean(text, language="en") for text in texts]
        for text, answer in zip(texts, answers, strict=True):
            assert not findings(text, answer, glossary=(), bounds=Bounds())
        pairs = [{"original": text, "enhanced": answer} for text, answer in zip(texts, answers, strict=True)]
        (folder / "theirs.txt").write_text("\n\n".join(answers) + "\n\n", encoding="utf-8")
        (folder / "theirs.json").write_text(json.dumps(pairs), encoding="utf-8")
        return answers

    return Comparison(
        name=f"{MANY} paragraphs by rules",
        ours=_handler(folder, notes, "rules"),
        theirs=theirs,
        theirs_is="the engine and its checks in a loop",
        equal=_unlike,
    )


def _model(folder: Path) -> Comparison:
    """Compare over a random model: its answers are rubbish and take the time of good ones; greedy, in batches."""
    from colab.handlers.enhance.engine import Ask, Wish
    from colab.handlers.enhance.llm import LanguageModel
    from tests.support import tiny_llm

    tiny_llm.write(folder / "models" / MODEL)
    door = tiny_llm.door(folder / "models", MODEL)
    notes = _notes(folder, FEW)
    wish = Wish(purpose="narration", instruction="", bounds=Bounds(), temperature=0.0, seed=0, offload=False)

    def theirs() -> list[str]:
        engine = LanguageModel(door)
        engine.pick(MODEL)
        texts = notes.read_text(encoding="utf-8").split("\n\n")[:-1]
        for at in range(0, len(texts), 4):
            engine.write(
                [Ask(text=text, language="en", glossary=()) for text in texts[at : at + 4]], wish, lambda: None
            )
        return texts  # none of a random model's answers is good, so every text stays

    return Comparison(
        name=f"{FEW} paragraphs by a tiny language model",
        ours=_handler(folder, notes, "llm", door),
        theirs=theirs,
        theirs_is="the engine in a loop",
        equal=_unlike,
    )


def _handler(folder: Path, notes: Path, engine: str, door: Models | None = None) -> Callable[[], list[str]]:
    numbers = itertools.count()

    def run() -> list[str]:
        work = FakeWorkbench(
            kind="enhance",
            raw={"language": "en"},  # theirs is told so too
            folder=folder / f"{engine}-{next(numbers)}",
            sources={"source": notes},
            engine=engine,
        )
        work.models = door or work.models
        HANDLER.run(work)
        return [pair["enhanced"] for pair in json.loads(work.outputs()[FILE_JSON])["texts"]]

    return run


def _unlike(ours: object, theirs: object) -> str | None:
    return None if ours == theirs else "the texts differ"
