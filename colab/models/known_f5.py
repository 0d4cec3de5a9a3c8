"""F5-TTS: a voice cloned from a recording, and the vocoder that makes it sound."""

from __future__ import annotations

from typing import Final

from colab.models.table import Model, ModelFile

_F5: Final = "SWivid/F5-TTS"
_F5_COMMIT: Final = "84e5a410d9cead4de2f847e7c9369a6440bdfaca"
_VOCOS: Final = "charactr/vocos-mel-24khz"
_VOCOS_COMMIT: Final = "0feb3fdd929bcd6649e0e7c5a688cf7dd012ef21"


def _f5(file: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(
        name=f"f5-tts-v1-base/{file}",
        host="huggingface",
        repository=_F5,
        revision=_F5_COMMIT,
        file=f"F5TTS_v1_Base/{file}",
        size=size,
        sha256=sha256,
        licence="CC-BY-NC-4.0",
    )


def _vocos(file: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(
        name=f"vocos-mel-24khz/{file}",
        host="huggingface",
        repository=_VOCOS,
        revision=_VOCOS_COMMIT,
        file=file,
        size=size,
        sha256=sha256,
        licence="MIT",
    )


MODELS: Final = (
    Model(
        name="f5-tts-v1-base",
        kind="tts",
        purpose="speaks with the voice of a recording; needs vocos-mel-24khz too",
        files=(
            _f5(
                "model_1250000.safetensors",
                1_348_435_761,
                "670900fd14e6c458b95da6e9ed317cdb20dbaf7a1c02ac06a05475a9d32b6a38",
            ),
            _f5("vocab.txt", 13_800, "2a05f992e00af9b0bd3800a8d23e78d520dbd705284ed2eedb5f4bd29398fa3c"),
        ),
        notes="not for commercial use: the weights are under CC-BY-NC-4.0, whatever the code's licence says",
    ),
    Model(
        name="vocos-mel-24khz",
        kind="tts",
        purpose="the vocoder of f5-tts-v1-base",
        files=(
            _vocos("config.yaml", 461, "da9033922f969a47f0c160010226919e59f27761fd5066f3828d46de6650b0fc"),
            _vocos(
                "pytorch_model.bin",
                54_365_991,
                "97ec976ad1fd67a33ab2682d29c0ac7df85234fae875aefcc5fb215681a91b2a",
            ),
        ),
    ),
)
