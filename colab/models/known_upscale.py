"""Real-ESRGAN: what `upscale` draws with, as files of weights of PyTorch, which spandrel loads without running code."""

from __future__ import annotations

from typing import Final

from colab.models.table import Model, ModelFile


def _model(name: str, release: str, file: str, size: int, sha256: str, purpose: str) -> Model:
    return Model(
        name=name,
        kind="upscale",
        purpose=purpose,
        files=(
            ModelFile(
                name=name,
                host="github",
                repository="xinntao/Real-ESRGAN",
                revision=release,
                file=file,
                size=size,
                sha256=sha256,
                licence="BSD-3-Clause",
            ),
        ),
    )


MODELS: Final = (
    _model(
        "realesrgan-x4plus",
        "v0.1.0",
        "RealESRGAN_x4plus.pth",
        67_040_989,
        "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
        "4 times larger, for photographs; the slow and thorough one",
    ),
    _model(
        "realesrgan-x2plus",
        "v0.2.1",
        "RealESRGAN_x2plus.pth",
        67_061_725,
        "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
        "2 times larger, for photographs",
    ),
    _model(
        "realesrgan-x4plus-anime",
        "v0.2.2.4",
        "RealESRGAN_x4plus_anime_6B.pth",
        17_938_799,
        "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
        "4 times larger, for drawings",
    ),
    _model(
        "realesr-animevideov3",
        "v0.2.5.0",
        "realesr-animevideov3.pth",
        2_504_012,
        "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
        "4 times larger, for animated films; fast",
    ),
    _model(
        "realesr-general-x4v3",
        "v0.2.5.0",
        "realesr-general-x4v3.pth",
        4_885_111,
        "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
        "4 times larger, for films of everything; fast",
    ),
    _model(
        "realesr-general-wdn-x4v3",
        "v0.2.5.0",
        "realesr-general-wdn-x4v3.pth",
        4_885_111,
        "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca",
        "the same, which takes less noise away",
    ),
)
