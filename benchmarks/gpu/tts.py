"""Kokoro's size with random weights: one text after the other, in buckets, in batches, and with CUDA graphs."""

from __future__ import annotations

import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu import Bench, difference, find, milliseconds, out_of_memory, report

RATE = 24_000
TEXTS = 64
TOKENS = (40, 220)
"""Phonemes of a sentence, from short to long."""

BUCKET = 64
"""Frames (1.6 s): lengths are rounded up to it, so that few shapes are seen."""

BATCHES = (4, 8, 16, 32)
KOKORO: dict[str, Any] = {
    "istftnet": {
        "upsample_kernel_sizes": [20, 12], "upsample_rates": [10, 6], "gen_istft_hop_size": 5, "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]], "resblock_kernel_sizes": [3, 7, 11],
        "upsample_initial_channel": 512,
    },
    "dim_in": 64, "dropout": 0.2, "hidden_dim": 512, "max_conv_dim": 512, "max_dur": 50, "multispeaker": True,
    "n_layer": 3, "n_mels": 80, "n_token": 178, "style_dim": 128, "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 2048, "max_position_embeddings": 512,
        "num_hidden_layers": 12, "dropout": 0.1,
    },
    "vocab": {},
}  # fmt: skip
"""The configuration that hexgrad/Kokoro-82M is published with: 82 million parameters."""

TINY = {
    **KOKORO,
    "istftnet": {
        **KOKORO["istftnet"], "resblock_dilation_sizes": [[1, 1, 1]], "resblock_kernel_sizes": [3],
    },
    "n_layer": 1,
    "plbert": {**KOKORO["plbert"], "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16,
               "num_hidden_layers": 1},
}  # fmt: skip


def main() -> int:
    """Measure, print, and write the figures."""
    bench = find("tts", ["kokoro"])
    if bench is None:
        return 0
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report(bench, _Speakers(bench).rows())
    return 0


def random_model(config: dict[str, Any], device: str) -> Any:
    """Return the package's model with random weights that keep a signal alive through all its layers."""
    import torch
    from kokoro import KModel

    with tempfile.TemporaryDirectory() as folder:
        torch.save({}, Path(folder) / "none.pth")
        torch.manual_seed(0)
        model = KModel(repo_id="hexgrad/Kokoro-82M", config=config, model=f"{folder}/none.pth", disable_complex=True)
    return model.to(device).eval()


class _Speakers:
    """The same texts spoken in every way."""

    def __init__(self, bench: Bench) -> None:
        import torch

        from benchmarks.gpu import kokoro_batch

        self._bench, self._kokoro = bench, kokoro_batch
        self._model = random_model(TINY if bench.rehearsal else KOKORO, bench.device)
        self._lengths = kokoro_batch.prepare(self._model)
        dice = random.Random(1)
        count = 2 if bench.rehearsal else TEXTS
        sizes = [12, 20] if bench.rehearsal else [dice.randint(*TOKENS) for _ in range(count)]
        self._texts = [[0, *(dice.randrange(1, 177) for _ in range(size)), 0] for size in sizes]
        self._style = torch.randn(1, 256, device=bench.device)
        self._frames = [int(kokoro_batch.frames_of(*kokoro_batch.padded([text], "cpu")).sum()) for text in self._texts]
        self._seconds = sum(self._frames) * kokoro_batch.SAMPLES / RATE

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each way, the exact one first; the others say how far they are from it."""
        import torch

        parameters = sum(weight.numel() for weight in self._model.parameters())
        rows: list[dict[str, Any]] = [
            {"what": "model", "parameters": parameters, "texts": len(self._texts), "audio_s": self._seconds}
        ]
        batches = (2,) if self._bench.rehearsal else BATCHES
        ways: list[tuple[str, int, bool, Any]] = [
            ("one by one", 1, True, torch.float32),
            ("one by one, bucketed", 1, False, torch.float32),
            *((f"batch of {size}, masked", size, False, torch.float32) for size in batches),
            *((f"batch of {size}, masked, fp16", size, False, torch.float16) for size in batches),
        ]
        if self._bench.rehearsal:
            ways = [way for way in ways if way[3] == torch.float32]  # a CPU takes minutes for half precision
        for name, size, exact, precision in ways:
            rows.append(self._row(name, lambda s=size, e=exact, p=precision: self._all(s, exact=e, precision=p), size))
        if not self._bench.rehearsal:
            rows += [self._graphed(size, half) for size in batches for half in (torch.float32, torch.float16)]
        return [row for row in rows if row]

    def _row(self, name: str, way: Callable[[], list[Any]], size: int) -> dict[str, Any]:
        def measured() -> dict[str, Any]:
            apart = [
                difference(self._inner(own), self._inner(one))
                for own, one in zip(way(), self._alone(size), strict=True)
            ]
            took = milliseconds(self._bench, way, repeats=5, warm=2)
            return {
                "what": name,
                "ms": took,
                "audio_seconds_a_second": 1000 * self._seconds / took,
                "relative_rms": max(each["relative_rms"] for each in apart),
                "prepared_rms": self.unlike_prepared(size),
            }

        return out_of_memory(self._bench, measured) or {}

    def _alone(self, size: int) -> list[Any]:
        """Return each text's sound, decoded alone from what the batch prepared for it.

        From its own preparation it would differ all the same: random weights make sines of thousands, which magnify the
        last digit of a sum into percents. How far the preparations are apart is told beside it.
        """
        sounds: dict[int, Any] = {}
        for group in self._groups(size):
            given, style = self._given(group, max(self._frames[place] for place in group))
            self._lengths.frames = None
            for row, place in enumerate(group):
                own = self._kokoro.spoken(
                    self._model, self._row_of(given, row, self._frames[place]), style[row : row + 1]
                )
                sounds[place] = own[0, : self._frames[place] * self._kokoro.SAMPLES].float()
        return [sounds[place] for place in range(len(self._texts))]

    def unlike_prepared(self, size: int) -> float:
        """Return how far what a batch prepares for the decoder (text, pitch, energy) is from each text's own."""
        worst = 0.0
        for group in self._groups(size):
            given, _ = self._given(group, max(self._frames[place] for place in group))
            for row, place in enumerate(group):
                own, _ = self._given([place], self._frames[place])
                pairs = zip(self._row_of(given, row, self._frames[place]), own, strict=True)
                worst = max(worst, *(difference(one, other)["relative_rms"] for one, other in pairs))
        return worst

    @staticmethod
    def _row_of(given: Any, row: int, frames: int) -> tuple[Any, Any, Any]:
        """Return one row without its padding; pitch and energy are twice as fine as text."""
        text, pitch, energy = given
        return text[row : row + 1, :, :frames], pitch[row : row + 1, : 2 * frames], energy[row : row + 1, : 2 * frames]

    @staticmethod
    def _inner(sound: Any) -> Any:
        """Leave out the very end: alone the source's last samples are repeated beyond it, in a batch they are zeros."""
        return sound[: max(1, len(sound) - RATE // 4)]

    def _groups(self, size: int) -> list[list[int]]:
        """Return the texts in groups of like length."""
        order = sorted(range(len(self._texts)), key=self._frames.__getitem__)
        return [order[at : at + size] for at in range(0, len(order), size)]

    def _all(self, size: int, *, exact: bool, precision: Any) -> list[Any]:
        import torch

        sounds: dict[int, Any] = {}
        with torch.autocast(self._bench.device, precision, enabled=precision == torch.float16):
            for group in self._groups(size):
                sounds.update(zip(group, self._spoken(group, exact=exact), strict=True))
        return [sounds[place] for place in range(len(self._texts))]

    def _given(self, group: list[int], whole: int) -> tuple[Any, Any]:
        tokens, counts = self._kokoro.padded([self._texts[place] for place in group], self._bench.device)
        style = self._style.expand(len(group), -1)
        return self._kokoro.heard(self._model, tokens, counts, style, self._lengths, whole), style

    def _spoken(self, group: list[int], *, exact: bool) -> list[Any]:
        longest = max(self._frames[place] for place in group)
        given, style = self._given(group, longest if exact else -(-longest // BUCKET) * BUCKET)
        if exact:
            self._lengths.frames = None
        return self._cut(group, self._kokoro.spoken(self._model, given, style))

    def _cut(self, group: list[int], sounds: Any) -> list[Any]:
        ends = [self._frames[place] * self._kokoro.SAMPLES for place in group]
        return [sound[:end].float() for sound, end in zip(sounds, ends, strict=True)]

    def _graphed(self, size: int, precision: Any) -> dict[str, Any]:
        """The decoder of each shape recorded once and played back: nothing is launched by the host any more."""
        import torch

        played: dict[tuple[int, int], tuple[Any, Any, Any, Any]] = {}

        def record(given: Any, style: Any) -> tuple[Any, Any, Any, Any]:
            inputs, lengths = tuple(each.clone() for each in given), self._lengths.frames.clone()
            self._lengths.frames = lengths
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    self._kokoro.spoken(self._model, inputs, style)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                sounds = self._kokoro.spoken(self._model, inputs, style)
            return graph, inputs, lengths, sounds

        def way() -> list[Any]:
            sounds: dict[int, Any] = {}
            with torch.autocast("cuda", torch.float16, enabled=precision == torch.float16, cache_enabled=False):
                for group in self._groups(size):
                    whole = -(-max(self._frames[place] for place in group) // BUCKET) * BUCKET
                    given, style = self._given(group, whole)
                    now = self._lengths.frames
                    if (len(group), whole) not in played:
                        played[len(group), whole] = record(given, style)
                    graph, inputs, lengths, out = played[len(group), whole]
                    for kept, new in zip((*inputs, lengths), (*given, now), strict=True):
                        kept.copy_(new)
                    graph.replay()
                    sounds.update(zip(group, self._cut(group, out.clone()), strict=True))
            return [sounds[place] for place in range(len(self._texts))]

        name = f"batch of {size}, masked{', fp16' if precision == torch.float16 else ''}, CUDA graphs"
        try:
            return self._row(name, way, size)
        except RuntimeError as problem:  # a layer that cannot be recorded; the other figures stand
            return {"what": name, "failed": str(problem).splitlines()[0][:200]}


if __name__ == "__main__":
    sys.exit(main())
