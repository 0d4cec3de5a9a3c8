"""One request being written anew: batch by batch, each answer checked, the good ones kept for another attempt."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from colab.handlers.enhance.engine import Answer, RewriteOptions, Rewriter, RewriteRequest, Unable
from colab.work import Work
from protocol import codec
from protocol.errors import BadMessage
from protocol.kinds.enhance import Params, Rewritten, Text
from protocol.kinds.kind import CHECKPOINTS
from speech import faithful, languages, protected

TOLD = 4
"""So many reasons are told of a text that stays."""

LONGEST_REASON = 1000

_CHECKPOINT_BYTES = 16 << 20


@dataclass(kw_only=True)
class Tried:
    """What became of one text: the answers to it, and why there is no further one, where an engine had none."""

    answers: list[str] = field(default_factory=list)
    unable: str = ""


@dataclass(kw_only=True)
class RewritingJob:
    """The texts of one request. Batches are the same in every attempt, so that their answers are."""

    work: Work
    engine: Rewriter
    wish: RewriteOptions
    params: Params
    texts: Sequence[Text]
    reusable: frozenset[str]  # checkpoints of earlier attempts
    checkpoint_s: float
    poll_s: float
    batch: int
    done: int = 0
    made: dict[str, Rewritten] = field(default_factory=dict)
    unsaved: dict[str, Tried] = field(default_factory=dict)  # by id, since the last checkpoint
    saved_at: float = field(default_factory=time.monotonic)
    looked_up_at: float = 0.0

    def run(self) -> tuple[Rewritten, ...]:
        """Return every text before and after, in order."""
        self._tell()
        known = self._known()
        wordless = [text for text in self.texts if not any(mark.isalnum() for mark in text.text)]
        self._take([_unchanged(text, "") for text in wordless])
        left = [text for text in self.texts if text.id not in self.made]
        for batch in (left[at : at + self.batch] for at in range(0, len(left), self.batch)):
            self._batch(batch, known)
        return tuple(self.made[text.id] for text in self.texts)

    def _batch(self, batch: Sequence[Text], known: dict[str, Tried]) -> None:
        """Write some texts; those with a bad answer are asked for again, together, with what was wrong."""
        if all(text.id in known for text in batch):
            self._take([self._judged(text, known[text.id])[0] for text in batch])
            return
        tried = {text.id: Tried() for text in batch}
        judged: dict[str, Rewritten] = {}
        wrong: dict[str, tuple[str, ...]] = {}
        open_texts = list(batch)
        for _ in range(1 + self.engine.retries):
            asks = [self._ask(text, wrong.get(text.id, ())) for text in open_texts]
            for text, answer in zip(open_texts, self._answers(asks), strict=True):
                judged[text.id], wrong[text.id] = self._take_answer(text, answer, tried[text.id])
            open_texts = [text for text in open_texts if wrong[text.id]]
            if not open_texts:
                break
        self._take([judged[text.id] for text in batch])
        self._save(tried)

    def _take_answer(self, text: Text, answer: Answer, tried: Tried) -> tuple[Rewritten, tuple[str, ...]]:
        """Return what a text is now, and what was wrong with the answer, where asking again may help."""
        if isinstance(answer, Unable):
            tried.unable = answer.why[:LONGEST_REASON]
        else:
            tried.answers.append(answer)
        return self._judged(text, tried)

    def _judged(self, text: Text, tried: Tried) -> tuple[Rewritten, tuple[str, ...]]:
        """Return the last answer if it is good, else the text as it was; and what was wrong."""
        answers = tried.answers
        if tried.unable:
            return _unchanged(text, tried.unable, len(answers)), ()
        wrong = faithful.findings(
            text.text, answers[-1], glossary=self.params.glossary, bounds=self.wish.bounds, purpose=self.wish.purpose
        )
        if wrong:
            more = f"; and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
            return _unchanged(text, "; ".join(wrong[:TOLD])[:LONGEST_REASON] + more, len(answers)), tuple(wrong)
        return Rewritten(id=text.id, original=text.text, enhanced=answers[-1], tries=len(answers)), ()

    def _ask(self, text: Text, complaints: tuple[str, ...]) -> RewriteRequest:
        asked = self.params.language.replace("_", "-").split("-")[0].casefold()
        language = (languages.guess(text.text) or self._language) if asked == "auto" else asked
        there = tuple(dict.fromkeys(found[0] for found in self._terms.finditer(text.text))) if self._terms else ()
        return RewriteRequest(text=text.text, language=language, glossary=there, complaints=complaints)

    @cached_property
    def _terms(self) -> re.Pattern[str] | None:
        return protected.terms(self.params.glossary)

    @cached_property
    def _language(self) -> str | None:
        """The language of all texts together: a short one alone does not show it."""
        return languages.guess(" ".join(text.text for text in self.texts))

    def _answers(self, asks: Sequence[RewriteRequest]) -> list[Answer]:
        return self.engine.write(asks, self.wish, self._look_up)

    def _look_up(self) -> None:
        """Let the job be ended while an engine is at work; called at each word, so not each time."""
        if time.monotonic() - self.looked_up_at >= self.poll_s:
            self._tell()

    def _tell(self) -> None:
        self.looked_up_at = time.monotonic()
        note = f"text {min(self.done + 1, len(self.texts))} of {len(self.texts)}"
        self.work.progress(self.done, len(self.texts), note)

    def _take(self, rewritten: Sequence[Rewritten]) -> None:
        for each in rewritten:
            self.made[each.id] = each
            self.done += 1
            self._tell()

    def _save(self, tried: dict[str, Tried]) -> None:
        """Publish what would take long to write again, now and then."""
        self.unsaved |= tried
        if time.monotonic() - self.saved_at < self.checkpoint_s or not self.unsaved:
            return
        path = f"{CHECKPOINTS}{self.done:04d}.json"
        told = {
            "for": self._digest(),
            "answers": {text: tried.answers for text, tried in self.unsaved.items()},
            "unable": {text: tried.unable for text, tried in self.unsaved.items() if tried.unable},
        }
        self.work.output(path).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        self.work.checkpoint(path)
        self.unsaved, self.saved_at = {}, time.monotonic()

    def _known(self) -> dict[str, Tried]:
        """Return the answers that earlier attempts left. They are looked at like any others: they come from outside."""
        known: dict[str, Tried] = {}
        for path in sorted(path for path in self.reusable if path.startswith(CHECKPOINTS)):
            known |= self._read(path)
        return known

    def _read(self, path: str) -> dict[str, Tried]:
        try:
            with self.work.output(path).open("rb") as file:
                told: Any = codec.loads(file.read(_CHECKPOINT_BYTES + 1), limit=_CHECKPOINT_BYTES)
        except (OSError, BadMessage):
            return {}
        if not isinstance(told, dict) or told.get("for") != self._digest():
            return {}
        answers, unable = told.get("answers"), told.get("unable", {})
        if not isinstance(answers, dict) or not isinstance(unable, dict):
            return {}
        read = {text: Tried(answers=said, unable=unable.get(text, "")) for text, said in answers.items()}
        return {text: tried for text, tried in read.items() if _is_tried(tried, 1 + self.engine.retries)}

    def _digest(self) -> str:
        """Name what the answers are for: every text, and every wish."""
        said = self.params.model_dump_json() + json.dumps([[text.id, text.text] for text in self.texts])
        return hashlib.sha256(said.encode()).hexdigest()


def _is_tried(tried: Tried, most: int) -> bool:
    """Say whether what was read is what becomes of a text: it has not been looked at yet."""
    answers, unable = tried.answers, tried.unable
    if not isinstance(answers, list) or not isinstance(unable, str) or not (answers or unable):
        return False
    return len(answers) <= most and len(unable) <= LONGEST_REASON and all(isinstance(said, str) for said in answers)


def _unchanged(text: Text, why: str, tries: int = 0) -> Rewritten:
    return Rewritten(id=text.id, original=text.text, enhanced=text.text, kept=why, tries=tries)
