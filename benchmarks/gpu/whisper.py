"""Whisper large-v3-turbo's size with random weights: encoder and decoder over batch sizes, fp16 against fp32."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.gpu import Bench, difference, find, milliseconds, out_of_memory, report

WINDOW_S = 30.0
STEPS = 96
"""Tokens generated per window: people speak 70 to 110 in half a minute."""

BATCHES = (1, 2, 4, 8, 16, 32, 64)

TURBO = {
    "d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120,
    "decoder_layers": 4, "decoder_attention_heads": 20, "decoder_ffn_dim": 5120,
    "num_mel_bins": 128, "vocab_size": 51866, "max_source_positions": 1500, "max_target_positions": 448,
}  # fmt: skip
"""The configuration that openai/whisper-large-v3-turbo is published with."""

TINY = TURBO | {
    "d_model": 32, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 32,
    "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 32, "vocab_size": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3,
}  # fmt: skip


def main() -> int:
    """Measure, print, and write the figures."""
    bench = find("whisper", ["transformers"])
    if bench is None:
        return 0
    import torch

    with torch.inference_mode():
        report(bench, _rows(bench))
    return 0


def _rows(bench: Bench) -> list[dict[str, Any]]:
    import torch

    full = _model(bench)
    sound = torch.randn(1, TURBO["num_mel_bins"], 3000, device=bench.device)
    exact = full.model.encoder(sound).last_hidden_state
    ids = torch.full((1, 4), 3, device=bench.device)
    logits = full(encoder_outputs=(exact,), decoder_input_ids=ids).logits
    rows = _sweep(bench, full, "fp32", (1, 8))
    half = full.to(torch.bfloat16 if bench.rehearsal else torch.float16)
    heard = half.model.encoder(sound.to(half.dtype)).last_hidden_state
    told = half(encoder_outputs=(heard,), decoder_input_ids=ids).logits
    same = float((told.argmax(-1) == logits.argmax(-1)).float().mean())
    rows.append({"what": "fp16 against fp32", "part": "encoder", **difference(heard, exact)})
    rows.append({"what": "fp16 against fp32", "part": "logits", **difference(told, logits), "same_token": same})
    return rows + _sweep(bench, half, "fp16", BATCHES)


def _model(bench: Bench) -> Any:
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(0)
    config = WhisperConfig(**(TINY if bench.rehearsal else TURBO))
    return WhisperForConditionalGeneration(config).to(bench.device).eval()


def _sweep(bench: Bench, model: Any, precision: str, batches: tuple[int, ...]) -> list[dict[str, Any]]:
    rows = []
    for batch in (1, 2) if bench.rehearsal else batches:
        row = out_of_memory(bench, lambda batch=batch: _timed(bench, model, precision, batch))
        if row is None:
            break
        rows.append(row)
    return rows


def _timed(bench: Bench, model: Any, precision: str, batch: int) -> dict[str, Any]:
    import torch

    sound = torch.randn(batch, TURBO["num_mel_bins"], 3000, device=bench.device, dtype=model.dtype)
    heard = model.model.encoder(sound).last_hidden_state
    steps = 4 if bench.rehearsal else STEPS
    encode = milliseconds(bench, lambda: model.model.encoder(sound))
    decode = milliseconds(bench, lambda: _written(model, heard, steps), repeats=3, warm=1)
    return {
        "what": "batch",
        "precision": precision,
        "batch": batch,
        "encoder_ms": encode,
        "decoder_ms": decode,
        "tokens_a_second": 1000 * batch * steps / decode,
        "audio_seconds_a_second": 1000 * batch * WINDOW_S / (encode + decode),
    }


def _written(model: Any, heard: Any, steps: int) -> Any:
    """Generate tokens one after another, the likeliest each time, with cached keys and values."""
    import torch

    ids = torch.full((heard.shape[0], 1), 3, device=heard.device)
    kept = None
    for _ in range(steps):
        told = model(encoder_outputs=(heard,), decoder_input_ids=ids, past_key_values=kept, use_cache=True)
        kept, ids = told.past_key_values, told.logits[:, -1:].argmax(-1)
    return ids


if __name__ == "__main__":
    sys.exit(main())
