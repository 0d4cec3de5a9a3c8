"""Kokoro's model run on several texts at once, so that each sounds as it would alone. Nothing is measured here.

Three things leak from the padding into the speech and are stopped: the statistics of its instance norms (taken over the
valid frames only), what convolutions see beyond an end (zeros, as at a true end), and what LSTMs begin with (packed).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from kokoro import KModel
from kokoro.istftnet import AdaIN1d, SineGen
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

SAMPLES = 600
"""In one frame of durations."""

PITCH_HZ = 120.0
"""Random weights have no pitch, and without one the source of the voice is silent."""


class Lengths:
    """How much of each row is speech, at whatever rate a layer works. None: everything is."""

    def __init__(self) -> None:
        self.frames: torch.Tensor | None = None
        self.whole = 0

    def mask(self, like: torch.Tensor) -> torch.Tensor | None:
        """Return 1 where a tensor (batch, channels, time) holds speech, 0 in the padding."""
        if self.frames is None:
            return None
        time = like.shape[-1]
        rate = round(time / self.whole * 2) / 2  # 0.5, 1, 2, 20, 120: one more where a layer adds an edge
        ends = self.frames * rate + (time - self.whole * rate)
        return (torch.arange(time, device=like.device)[None] < ends[:, None]).to(like.dtype)[:, None]


def prepare(model: KModel) -> Lengths:
    """Make a model keep to the lengths that are returned, and draw no noise; alone it sounds as before but for that."""
    lengths = Lengths()
    for part in (model.predictor, model.decoder):
        for layer in part.modules():
            if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
                layer.register_forward_pre_hook(lambda _, given: (_masked(given[0], lengths),))
            elif isinstance(layer, AdaIN1d):
                layer.forward = _normed(layer, lengths)
            elif isinstance(layer, SineGen):
                layer.forward = _tones(layer)
    return lengths


def _masked(x: torch.Tensor, lengths: Lengths) -> torch.Tensor:
    mask = lengths.mask(x)
    return x if mask is None else x * mask


def _normed(layer: AdaIN1d, lengths: Lengths) -> Any:
    plain = layer.forward

    def forward(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        mask = lengths.mask(x)
        if mask is None:
            return plain(x, s)
        gamma, beta = layer.fc(s)[:, :, None].chunk(2, dim=1)
        wide, valid = x.float(), mask.float()  # sums of half precision would overflow
        count = valid.sum(-1, keepdim=True)
        mean = (wide * valid).sum(-1, keepdim=True) / count
        variance = ((wide - mean).pow(2) * valid).sum(-1, keepdim=True) / count
        even = ((wide - mean) * torch.rsqrt(variance + layer.norm.eps)).to(x.dtype)
        even = even * layer.norm.weight[:, None] + layer.norm.bias[:, None]
        return ((1 + gamma) * even + beta) * mask

    return forward


def _tones(layer: SineGen) -> Any:
    """The source of the voice without its dice: the same each time, and nothing is copied from the host."""

    def forward(f0: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        multiples = torch.arange(1, layer.harmonic_num + 2, device=f0.device, dtype=torch.float32)
        # In double: rounded at every sample, the sum would drift by turns for a pitch that differs in its last digit.
        turns = torch.cumsum(f0.double() * multiples / layer.sampling_rate, dim=1) % 1
        voiced = layer._f02uv(f0)
        return torch.sin(2 * torch.pi * turns.float()) * layer.sine_amp * voiced, voiced, torch.zeros_like(voiced)

    return forward


def padded(texts: Sequence[Sequence[int]], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens in rows of one length, and how many each row has (on the host, where packing wants them)."""
    counts = torch.tensor([len(text) for text in texts])
    rows = torch.zeros(len(texts), int(counts.max()), dtype=torch.long)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = torch.tensor(text)
    return rows.to(device), counts


def frames_of(tokens: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Return how many frames each token sounds. Random weights tell none that a person would: 2 to 4, as in speech."""
    there = torch.arange(tokens.shape[1])[None] < counts[:, None]
    return (2 + tokens.cpu() % 3) * there


def heard(
    model: KModel, tokens: torch.Tensor, counts: torch.Tensor, style: torch.Tensor, lengths: Lengths, whole: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what the decoder is given (text, pitch, energy) for all rows, with room for `whole` frames each."""
    prosody = style[:, 128:]
    pad = (torch.arange(tokens.shape[1])[None] >= counts[:, None]).to(tokens.device)
    known = model.bert_encoder(model.bert(tokens, attention_mask=(~pad).int())).transpose(-1, -2)
    said = model.predictor.text_encoder(known, prosody, counts, pad)
    _lstm(model.predictor.lstm, said, counts)  # durations come of it; their time is part of the work
    frames = frames_of(tokens, counts)
    places = torch.zeros(len(tokens), whole, dtype=torch.long)
    for row, (own, count) in enumerate(zip(frames, counts, strict=True)):
        spread = torch.repeat_interleave(torch.arange(int(count)), own[: int(count)])
        places[row, : len(spread)] = spread
    ends = frames.sum(1)
    places = places.to(tokens.device)
    valid = (torch.arange(whole)[None] < ends[:, None]).to(tokens.device)[:, None]
    lengths.frames, lengths.whole = ends.to(tokens.device, torch.float32), whole
    prosodic = _spread(said.transpose(-1, -2), places) * valid
    pitch, energy = _curves(model, prosodic, prosody, ends)
    text = _spread(model.text_encoder(tokens, counts, pad), places) * valid
    return text, pitch, energy


def _spread(by_token: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return by_token.gather(2, places[:, None].expand(-1, by_token.shape[1], -1))


def _curves(
    model: KModel, x: torch.Tensor, prosody: torch.Tensor, ends: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    shared = _lstm(model.predictor.shared, x.transpose(-1, -2), ends).transpose(-1, -2)
    curves = []
    for blocks, out in ((model.predictor.F0, model.predictor.F0_proj), (model.predictor.N, model.predictor.N_proj)):
        curve = shared
        for block in blocks:
            curve = block(curve, prosody)
        curves.append(out(curve).squeeze(1))
    return curves[0] + PITCH_HZ, curves[1]


def _lstm(lstm: nn.LSTM, x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    packed = pack_padded_sequence(x, counts, batch_first=True, enforce_sorted=False)
    told, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=x.shape[1])
    return told


def spoken(model: KModel, given: tuple[torch.Tensor, torch.Tensor, torch.Tensor], style: torch.Tensor) -> torch.Tensor:
    """Return the samples (batch, time): the part that takes nearly all the time, of fixed shapes."""
    text, pitch, energy = given
    sound: torch.Tensor = model.decoder(text, pitch, energy, style[:, :128])
    return sound.reshape(len(text), -1)
