"""What `enhance` writes with: language models that follow instructions, under a free licence."""

from __future__ import annotations

from typing import Final

from colab.models.table import Model, of_files

_LICENCE: Final = "Apache-2.0"

_Content = tuple[int, str]

_WORDS: Final[dict[str, _Content]] = {
    "merges.txt": (1_671_839, "599bab54075088774b1733fde865d5bd747cbcc7a547c5bc12610e874e26f5e3"),
    "vocab.json": (2_776_833, "ca10d7e9fb3ed18575dd1e277a2579c16d108e32f27439684afa0e10b1440910"),
}
"""The same in every Qwen."""

_QWEN_2_5: Final[dict[str, _Content]] = _WORDS | {
    "tokenizer.json": (7_031_645, "c0382117ea329cdf097041132f6d735924b697924d6f6fc3945713e96ce87539"),
    "tokenizer_config.json": (7_305, "5b5d4f65d0acd3b2d56a35b56d374a36cbc1c8fa5cf3b3febbbfabf22f359583"),
}


def _model(
    name: str, repository: str, revision: str, purpose: str, files: dict[str, _Content], notes: str = ""
) -> Model:
    return of_files(name, "enhance", _LICENCE, repository, revision, purpose, files, notes)


MODELS: Final = (
    _model(
        "qwen2.5-1.5b-instruct",
        "Qwen/Qwen2.5-1.5B-Instruct",
        "989aa7980e4cf806f80c7fef2b1adb7bc71aa306",
        "rewrites text; small enough for any GPU, and for a patient CPU",
        _QWEN_2_5
        | {
            "config.json": (660, "98d2ff8cc47488d08a2b0b3acf4eb99ef210779b42bd48605f6b8e36acdbf670"),
            "generation_config.json": (242, "e558847a8b4402616f1273797b015104dc266fe4b520056fca88823ba8f8ebe6"),
            "model.safetensors": (
                3_087_467_144,
                "dd924a11b4c220f385b51ffa522daea7c9f3d850e31b162bb5661df483c6d3ee",
            ),
        },
    ),
    _model(
        "qwen3-4b-instruct-2507",
        "Qwen/Qwen3-4B-Instruct-2507",
        "cdbee75f17c01a7cc42f958dc650907174af0554",
        "rewrites text better; fits a GPU of 16 GB at half precision",
        _WORDS
        | {
            "config.json": (727, "5beea1a4a34c62782bfb2f911c606741a3bab8f92d80a118fa053c28af12e8ba"),
            "generation_config.json": (238, "835fffe355c9438e7a25be099b3fccaa98350b83451f9fd2d99512e74f1ade48"),
            "model-00001-of-00003.safetensors": (
                3_957_900_840,
                "75311d91bb08cf0b882913da464a1e722a31fb44db35208663487efb7a3d8ed6",
            ),
            "model-00002-of-00003.safetensors": (
                3_987_450_520,
                "0b48adbb1f60e901153d91907ba11ce63bd4b8b584482e730f48808d055dfba1",
            ),
            "model-00003-of-00003.safetensors": (
                99_630_640,
                "7dd39ccca5e4de123c74c14af44c9bf2eb75df33b4614382af0134528e060d5d",
            ),
            "model.safetensors.index.json": (
                32_819,
                "d6c42883a895dfef5b0080ed2116a1bcd764f558406b98923d675978a1abf29c",
            ),
            "tokenizer.json": (11_422_654, "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4"),
            "tokenizer_config.json": (9_377, "a62ff0a2472a0fa1b8eaabcb57c59b58afa42a22831dc141400b6e0cf2b65ce3"),
        },
    ),
    _model(
        "qwen2.5-7b-instruct",
        "Qwen/Qwen2.5-7B-Instruct",
        "a09a35458c702b33eeacc393d103063234e8bc28",
        "rewrites text best; for a GPU of 24 GB, or with some of it kept in the machine's own memory",
        _QWEN_2_5
        | {
            "config.json": (663, "7463bb0ea78315365e6c6b74de4e73bbcc8359dfb0c5a737584e077d42c0b03c"),
            "generation_config.json": (243, "3a8f9087e486054c8a4a08dae2e5a3ba62e23da212b5b8c08bc42cb983c3459f"),
            "model-00001-of-00004.safetensors": (
                3_945_441_440,
                "a1333e6293854747c481288ea83b348226af178dd565c49b6f9495ba1966aba7",
            ),
            "model-00002-of-00004.safetensors": (
                3_864_726_352,
                "f5d25a2772cb825164a2a2c0fb6d51a87e282abf21e4dd75bc5cfb3cd0ea6185",
            ),
            "model-00003-of-00004.safetensors": (
                3_864_726_424,
                "8efdec4c1bc12317ae1a38dc42b595ce777738a64deea3fcb8a0a91381bcdfd5",
            ),
            "model-00004-of-00004.safetensors": (
                3_556_377_672,
                "1a72d403cdf0c1ec3cb7f289f17b394a01e64394c2e9b3c0f94dbce3faf879bd",
            ),
            "model.safetensors.index.json": (
                27_752,
                "624bf7c47cd12468fdc16e38a47cf4f19e0415b859a223ba3c027eed2f0e1028",
            ),
        },
    ),
)
