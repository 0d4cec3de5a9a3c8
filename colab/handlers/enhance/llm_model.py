"""A causal language model in memory: loaded from verified local files only, and asked for a batch of answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab.engines import device_failures
from colab.engines.model_cache import cached
from colab.handlers.enhance.engine import Answer, Unable
from colab.handlers.enhance.prompts import in_one
from protocol.errors import JobFailed

ROOM_TOKENS = 64
"""What an answer may have beyond its length limit: the model is stopped, and the check says what is wrong."""

HINT = "take a smaller model, or --offload"
"""What to do where there is not enough memory."""

TOKENS_A_LENGTH = 1.5
TOP_P = 0.9

Conversation = list[dict[str, str]]


def precision(device: str) -> str:
    """Return the type of numbers to compute with: half precision on a GPU, of the kind that it has."""
    if device == "cpu":
        return "float32"
    import torch

    major, _ = torch.cuda.get_device_capability()
    return "bfloat16" if major >= 8 else "float16"  # a T4 has no bfloat16, and would imitate it slowly


@cached()
def loaded_model(folder: Path, name: str, device: str, offload: bool, _times: tuple[tuple[str, int], ...]) -> Loaded:
    """Keep the last model loaded: that takes longer than most jobs. A file that changed is loaded anew."""
    with device_failures.told(name, device, hint=HINT):
        return _load(folder, name, device, offload)


def _load(folder: Path, name: str, device: str, offload: bool) -> Loaded:
    """Load tensors and text files, and run no code of the model's folder."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # a worker's log is lines
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    where: dict[str, Any] = {"device_map": "auto"} if offload else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), padding_side="left", **local)
        model, told = AutoModelForCausalLM.from_pretrained(
            str(folder),
            use_safetensors=True,
            dtype=getattr(torch, precision(device)),
            output_loading_info=True,
            **where,
            **local,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, SafetensorError) as unfit:
        raise JobFailed(
            f"the files of {name} are not those of one language model: {type(unfit).__name__} {str(unfit)[:300]}",
            code="ENGINE",
        ) from unfit
    if missing := sorted(told["missing_keys"]):
        raise JobFailed(
            f"the weights of {name} lack {len(missing)} of the model's tensors, as {missing[0]}", code="ENGINE"
        )
    if not tokenizer.chat_template:
        raise JobFailed(f"{name} follows no instructions: it has no chat template. Name another model", code="ENGINE")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Loaded(name=name, model=(model if offload else model.to(device)).eval(), tokenizer=tokenizer, device=device)


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """A model, its tokenizer, and where it computes."""

    name: str
    model: Any
    tokenizer: Any
    device: str

    def answers(
        self,
        conversations: Sequence[Conversation],
        *,
        texts: Sequence[str],
        factor: float,
        temperature: float,
        seed: int,
        look_up: Callable[[], None],
    ) -> list[Answer]:
        """Return an answer for each conversation. Too much for the memory at once is done in halves.

        Equal calls have equal answers, unless memory ran short at one of them.
        """
        answers: list[Answer] = [Unable(why="there was no answer")] * len(conversations)
        rows: list[tuple[int, str, int]] = []  # place, prompt, tokens that its answer may have
        for place, (conversation, text) in enumerate(zip(conversations, texts, strict=True)):
            ready = self._prompt(conversation, text, factor)
            if isinstance(ready, Unable):
                answers[place] = ready
            else:
                rows.append((place, *ready))
        said = self._said([(prompt, room) for _, prompt, room in rows], temperature, seed, look_up) if rows else []
        for (place, _, _), answer in zip(rows, said, strict=True):
            answers[place] = answer
        return answers

    def _prompt(self, conversation: Conversation, text: str, factor: float) -> tuple[str, int] | Unable:
        """Return what the model reads, and how many tokens its answer may have."""
        if any(word in message["content"] for message in conversation for word in self._control_words()):
            return Unable(why="it holds control words of the model")
        prompt = self._templated(conversation)
        length = len(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        room = math.ceil(length * max(factor, 1.0) * TOKENS_A_LENGTH) + ROOM_TOKENS
        context = getattr(self.model.config, "max_position_embeddings", None)
        if context and len(self.tokenizer(prompt, add_special_tokens=False)["input_ids"]) + room > context:
            return Unable(why=f"it is too long for {self.name}, which reads {context} tokens at once")
        return prompt, room

    def _templated(self, conversation: Conversation) -> str:
        from jinja2.exceptions import TemplateError

        options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
        try:
            return str(self.tokenizer.apply_chat_template(conversation, **options))
        except TemplateError:  # some models know no system role, and say so
            return str(self.tokenizer.apply_chat_template(in_one(conversation), **options))

    def _control_words(self) -> list[str]:
        words = {*self.tokenizer.all_special_tokens, *self.tokenizer.get_added_vocab()}
        return [word for word in words if len(word) > 2]

    def _said(
        self, rows: Sequence[tuple[str, int]], temperature: float, seed: int, look_up: Callable[[], None]
    ) -> list[Answer]:
        """Generate for all at once, or by halves where the memory is too small for that."""
        try:
            return self._generate(rows, temperature, seed, look_up)
        except (RuntimeError, MemoryError) as problem:
            full = device_failures.out_of_memory(problem)
            if not full:
                loaded_model.cache.clear()  # after an error of the driver nothing on the device can be used
            if not full or len(rows) == 1:
                raise device_failures.failed(problem, self.name, self.device, hint=HINT) from problem
        device_failures.free_again()  # here, where the failure no longer holds what is to be freed
        half = len(rows) // 2
        first = self._said(rows[:half], temperature, seed, look_up)
        return first + self._said(rows[half:], temperature, seed, look_up)

    def _generate(
        self, rows: Sequence[tuple[str, int]], temperature: float, seed: int, look_up: Callable[[], None]
    ) -> list[Answer]:
        import torch

        read = self.tokenizer(
            [prompt for prompt, _ in rows], add_special_tokens=False, padding=True, return_tensors="pt"
        ).to(self.model.device)
        most = max(room for _, room in rows)
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(seed)
            written = self.model.generate(
                input_ids=read["input_ids"],
                attention_mask=read["attention_mask"],
                generation_config=self._way(most, temperature),
                stopping_criteria=[_looking_up(look_up)],
            )
        return [self._answer(row) for row in written[:, read["input_ids"].shape[1] :].tolist()]

    def _way(self, most: int, temperature: float) -> Any:
        """Say how to generate: the likeliest words, or drawn ones. What the model's makers prefer is left out."""
        from transformers import GenerationConfig

        drawn = {"do_sample": True, "temperature": temperature, "top_p": TOP_P} if temperature else {"do_sample": False}
        return GenerationConfig(
            **drawn, max_new_tokens=most, eos_token_id=self._ends(), pad_token_id=self.tokenizer.pad_token_id
        )

    def _ends(self) -> list[int]:
        told = self.model.generation_config.eos_token_id
        told = [told] if isinstance(told, int) else list(told or ())
        return sorted({*told, self.tokenizer.eos_token_id} - {None})

    def _answer(self, tokens: list[int]) -> Answer:
        ends = self._ends()
        if not any(token in ends for token in tokens):
            return Unable(why="the answer came to no end")
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True)).strip()


def _looking_up(look_up: Callable[[], None]) -> Callable[..., Any]:
    """Return what is called after each word: it ends nothing by itself, but `look_up` may raise."""
    import torch
    from transformers import StoppingCriteria

    class LookUp(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            look_up()
            return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)

    return LookUp()
