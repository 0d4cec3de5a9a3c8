"""What `analyze` sees with: CLIP's tags and embeddings, BLIP's captions."""

from __future__ import annotations

from typing import Final

from colab.models.table import Model, ModelFile

_CLIP: Final = "openai/clip-vit-base-patch32"
_CLIP_MAIN: Final = "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"
_CLIP_SAFE: Final = "b33cedfd0df4e43b8238760678fcc89e1a0d38b3"
"""The commit that has the same weights as safetensors; the main branch has them as a pickle only."""

_BLIP: Final = "Salesforce/blip-image-captioning-base"
_BLIP_COMMIT: Final = "82a37760796d32b1411fe092ab5d4e227313294b"


def _clip(file: str, revision: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(
        name=f"clip-vit-base-patch32/{file}",
        host="huggingface",
        repository=_CLIP,
        revision=revision,
        file=file,
        size=size,
        sha256=sha256,
        licence="MIT",
    )


def _blip(file: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(
        name=f"blip-image-captioning-base/{file}",
        host="huggingface",
        repository=_BLIP,
        revision=_BLIP_COMMIT,
        file=file,
        size=size,
        sha256=sha256,
        licence="BSD-3-Clause",
    )


_CLIP_FILES: Final = (
    (
        "config.json", _CLIP_MAIN,
        4_186, "b575ef3c36f2a057fa19e221650105052d61cc9c1a972ec15019c6261ec98770",
    ),
    (
        "merges.txt", _CLIP_MAIN,
        524_657, "f526393189112391ce6f9795d4695f704121ce452c3aad1f5335cc41337eba85",
    ),
    (
        "model.safetensors", _CLIP_SAFE,
        605_157_884, "99d28a652e6ec46629ab7047a0ac82c69b1fe11e0ce672c43af65d3a9a3fc05d",
    ),
    (
        "preprocessor_config.json", _CLIP_MAIN,
        316, "910e70b3956ac9879ebc90b22fb3bc8a75b6a0677814500101a4c072bd7857bd",
    ),
    (
        "special_tokens_map.json", _CLIP_MAIN,
        389, "f8c0d6c39aee3f8431078ef6646567b0aba7f2246e9c54b8b99d55c22b707cbf",
    ),
    (
        "tokenizer.json", _CLIP_MAIN,
        2_224_041, "b556ac8c99757ffb677208af34bc8c6721572114111a6e0aaf5fa69ff0b8d842",
    ),
    (
        "tokenizer_config.json", _CLIP_MAIN,
        592, "34b7336e4bee12e0a9730eaf5189f582ef3c3eea5027f65730e5717256755aad",
    ),
    (
        "vocab.json", _CLIP_MAIN,
        862_328, "5047b556ce86ccaf6aa22b3ffccfc52d391ea4accdab9c2f2407da5b742d4363",
    ),
)  # fmt: skip

_BLIP_FILES: Final = (
    ("config.json", 4_563, "f7846f82f4e2c4a2ccbab9ae8b0e44873540a271a76a1288effd078180c13a82"),
    ("preprocessor_config.json", 287, "065c10ec97edc5081fbd9655b3d9d25e2647ea6d5dab873325e88eed12d80a7d"),
    ("pytorch_model.bin", 989_820_849, "d6638651a5526cc2ede56f2b5104d6851b0755816d220e5e046870430180c767"),
    ("special_tokens_map.json", 125, "b6d346be366a7d1d48332dbc9fdf3bf8960b5d879522b7799ddba59e76237ee3"),
    ("tokenizer.json", 711_396, "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66"),
    ("tokenizer_config.json", 506, "5c7f96096284c55e539eff95f4451c19efc34258ddb975a4400d052b77301e5e"),
    ("vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
)
"""One record alone tells the digests of BLIP's three configurations; another confirms the sum of all seven sizes."""

MODELS: Final = (
    Model(
        name="clip-vit-base-patch32",
        kind="analyze",
        purpose="tags and search embeddings of pictures",
        files=tuple(_clip(*row) for row in _CLIP_FILES),
        notes="the licence is that of OpenAI's code; the repository of the weights names none",
    ),
    Model(
        name="blip-image-captioning-base",
        kind="analyze",
        purpose="captions of pictures, in English",
        files=tuple(_blip(*row) for row in _BLIP_FILES),
        notes="its weights are a pickle, which is loaded without running code",
    ),
)
