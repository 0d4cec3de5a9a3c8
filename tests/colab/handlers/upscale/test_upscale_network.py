"""The networks' own way: real loading code and real architectures, with a few random weights made here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.upscale.engine import Shape
from colab.models import ModelFile, ModelPlaces, Models
from colab.models.table import Model
from protocol.errors import JobFailed
from protocol.kinds.upscale import Params
from tests.colab.handlers.upscale.conftest import frames
from tests.support import no_room
from tests.support.odd_media import PICTURES, film

pytestmark = pytest.mark.extras

AtDesk = Callable[..., FakeWorkbench]


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Leave the other cores to others, and no network in memory."""
    import torch

    from colab.handlers.upscale import network

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    network.loaded_model.cache.clear()


def compact(scale: int = 4) -> Any:
    """Return a tiny network of the animevideov3 architecture."""
    import torch
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(3)
    return Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=scale)


def esrgan() -> Any:
    """Return a tiny network of the x4plus architecture."""
    import torch
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.manual_seed(3)
    return ESRGAN(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=4)


def saved(net: Any, path: Path) -> Path:
    """Write weights as the makers of Real-ESRGAN publish theirs."""
    import torch
    from safetensors.torch import save_file

    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, path)
    else:
        torch.save({"params_ema": net.state_dict()}, path)
    return path


def models(tmp_path: Path, file: Path, name: str = "realesrgan-x4plus", *, owner: bool = False) -> Models:
    """Return a table with this one model, which is here; with `owner`, one that the worker's owner added."""
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    entry = ModelFile(
        name=name,
        host="owner" if owner else "github",
        repository="a/b",
        revision="c",
        file=file.name,
        size=len(data),
        sha256=digest,
        licence="MIT",
    )
    place = tmp_path / "models" / digest[:16] / file.name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    added = (Model(name=name, kind="upscale", purpose="a test", files=(entry,)),) if owner else ()
    places = ModelPlaces(folder=tmp_path / "models", offline=True, owned=added)
    return Models(places, files={} if owner else {name: entry})


def enlarging(tmp_path: Path, net: Any, shape: Shape, **raw: Any) -> Any:
    """Return a network made ready."""
    from colab.handlers.upscale.realesrgan import RealEsrgan

    there = models(tmp_path, saved(net, tmp_path / "net.pth"))
    return RealEsrgan(there, "realesrgan-x4plus").ready(shape, Params(**raw))


def never() -> None:
    """Go on."""


@pytest.mark.parametrize("make", [compact, esrgan])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_film_goes_through_the_network(at_desk: AtDesk, tmp_path: Path, make: Any, suffix: str) -> None:
    """Every frame, at the size asked for, and the record names the network and where it ran."""
    source = film(tmp_path / "a.mkv", seconds=0.25, size="32x24")
    desk = at_desk(source, scale=3)
    desk.models = models(tmp_path, saved(make(), tmp_path / f"net{suffix}"))
    result = desk.run()
    assert frames(desk.output("source.upscaled.mkv")).shape == (3, 72, 96, 3)
    record = result.engine
    assert (record.name, record.device, record.tier) == ("realesrgan", "cpu", "neural")
    assert record.provider.startswith("torch ")
    assert record.model_sha256 == desk.models.sha256("realesrgan-x4plus")
    assert "passed_over" not in result.summary


@pytest.mark.parametrize("name", list(PICTURES))
def test_pictures_keep_their_nature_through_a_network(at_desk: AtDesk, tmp_path: Path, name: str) -> None:
    """Grey, 16 bits and transparency."""
    from media.examine import examine

    source = PICTURES[name](tmp_path)
    desk = at_desk(source, scale=2, format="png")
    desk.models = models(tmp_path, saved(compact(), tmp_path / "net.pth"))
    desk.run()
    before, after = examine(source).picture, examine(desk.output("source.upscaled.png")).picture
    assert before is not None
    assert after is not None
    assert after.size == (before.size[0] * 2, before.size[1] * 2)
    assert (after.pixels.alpha, after.pixels.bits > 8) == (before.pixels.alpha, before.pixels.bits > 8)


@pytest.mark.parametrize("make", [compact, esrgan])
def test_tiles_leave_no_seam(tmp_path: Path, make: Any) -> None:
    """Tiled is untiled, up to rounding, where tiles overlap by what the network sees."""
    chance = np.random.default_rng(5)
    planes = chance.integers(0, 65535, (3, 150, 131), dtype=np.uint16)
    shape = Shape(size=(131, 150), target=(524, 600), bits=16)
    whole = enlarging(tmp_path, make(), shape).planes(planes, never).astype(int)
    tiled = enlarging(tmp_path, make(), shape, tile=64, batch=2).planes(planes, never).astype(int)
    assert whole.std() > 50
    assert np.abs(whole - tiled).max() <= 2


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("space", ["bt709", "smpte170m", "bt2020nc"])
def test_colours_come_back_from_red_green_and_blue(bits: int, full_range: bool, space: str) -> None:
    """A chart of colours, odd in size: to RGB and back costs two steps of 255 at most, four at its edges."""
    import torch

    from colab.handlers.upscale import yuv

    width, height = 101, 59
    shape = Shape(size=(width, height), target=(width, height), bits=bits, space=space, full_range=full_range)
    across, down = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    chart = torch.stack([across, down, 1 - across * down])[None]
    frame = yuv.from_rgb(chart, shape)
    again = yuv.to_rgb(frame, shape)
    assert frame.shape == (1, width * height + 2 * 51 * 30)
    off = (again - chart).abs()
    assert float(off[..., 2:-2, 2:-2].max()) < 2.5 / 255
    assert float(off.max()) < 4 / 255
    assert int((yuv.from_rgb(again, shape).int() - frame.int()).abs().max()) <= 2 << (bits - 8)


@pytest.mark.parametrize("space", ["bt709", "smpte170m"])
def test_colours_are_what_ffmpeg_takes_them_for(tmp_path: Path, space: str) -> None:
    """Its conversion and ours agree on flat colours."""
    import torch

    from colab.handlers.upscale import yuv
    from media import ffmpeg
    from media.pipes import FrameReader, frame_bytes

    arguments = [
        "-f",
        "lavfi",
        "-i",
        f"color=0xC86432:size=16x16,format=rgb24,scale=out_color_matrix={space},format=yuv420p",
    ]
    with FrameReader(
        ffmpeg.find(), [*arguments, "-frames:v", "1", "-f", "rawvideo", "pipe:1"], frame_bytes((16, 16), bits=8)
    ) as reader:
        frame = reader.read()
    assert frame is not None
    rgb = yuv.to_rgb(torch.from_numpy(frame)[None], Shape(size=(16, 16), target=(16, 16), space=space))
    assert [round(float(value) * 255) for value in rgb[0, :, 8, 8]] == pytest.approx([0xC8, 0x64, 0x32], abs=2)


def out_of_memory_above(monkeypatch: pytest.MonkeyPatch, samples: int) -> list[tuple[int, ...]]:
    """Have every network fail as a GPU does when it gets more than so many samples; return what was tried."""
    import torch

    from colab.handlers.upscale.network import Network

    run, tried = Network.run, []

    def bounded(self: Network, pictures: Any) -> Any:
        tried.append(tuple(pictures.shape))
        if pictures.numel() > samples:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return run(self, pictures)

    monkeypatch.setattr(Network, "run", bounded)
    return tried


def test_less_memory_makes_smaller_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer at once first, then smaller tiles, to the same picture; and it is said."""
    shape = Shape(size=(128, 128), target=(512, 512))
    planes = np.random.default_rng(5).integers(0, 255, (3, 128, 128), dtype=np.uint8)
    whole = enlarging(tmp_path, compact(), shape).planes(planes, never).astype(int)
    tried = out_of_memory_above(monkeypatch, 3 * 64 * 64)
    small = enlarging(tmp_path, compact(), shape, batch=4)
    result = small.planes(planes, never).astype(int)
    assert tried[0][-1] == 128
    assert tried[-1] == (1, 3, 64, 64)
    assert np.abs(result - whole).max() <= 1
    assert "tiles of 64" in small.notes()["memory"]


def test_no_memory_at_all_is_said(at_desk: AtDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the smallest tile is too much the job ends with OUT_OF_MEMORY and the hint."""
    desk = at_desk(film(tmp_path / "a.mkv", seconds=0.2, size="64x48"))
    desk.models = models(tmp_path, saved(compact(), tmp_path / "net.pth"))
    out_of_memory_above(monkeypatch, 10)
    with pytest.raises(JobFailed, match="ask for the model lanczos") as failed:
        desk.run()
    assert failed.value.code == "OUT_OF_MEMORY"


@pytest.mark.parametrize("full", no_room.WAYS)
@pytest.mark.parametrize("mover", ["torch.nn.Module.to", "spandrel.ImageModelDescriptor.to"])
def test_a_network_that_does_not_fit_is_said_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: no_room.Way, mover: str
) -> None:
    """Where loading it takes the last of the memory, the job ends with OUT_OF_MEMORY; with room again it is loaded."""
    shape = Shape(size=(16, 16), target=(64, 64))
    with (
        no_room.for_models(monkeypatch, full, mover),
        pytest.raises(JobFailed, match="ask for the model lanczos") as failed,
    ):
        enlarging(tmp_path, compact(), shape)
    assert failed.value.code == "OUT_OF_MEMORY"
    assert enlarging(tmp_path, compact(), shape)


def test_weights_that_do_not_fit_are_not_called_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose own memory ends while a file is read has a good file all the same."""
    import torch

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(torch, "load", full)
    with pytest.raises(JobFailed) as failed:
        enlarging(tmp_path, compact(), Shape(size=(16, 16), target=(64, 64)))
    assert failed.value.code == "OUT_OF_MEMORY"


def test_a_network_that_finds_no_room_for_32_bits_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one with 16 bits is let go of first; where the other one is too much even so, that is OUT_OF_MEMORY."""
    import gc
    import weakref

    from colab.handlers.upscale import network

    made = enlarging(tmp_path, compact(), Shape(size=(16, 16), target=(64, 64)))
    made._network.half = True  # one whose numbers are too small
    network.loaded_model.cache.clear()
    first = weakref.ref(made._network.descriptor.model)
    monkeypatch.setattr(network.Network, "run", overflowing)
    with no_room.for_models(monkeypatch, no_room.WAYS[0]), pytest.raises(JobFailed) as failed:
        made.planes(np.zeros((3, 16, 16), np.uint8), never)
    assert failed.value.code == "OUT_OF_MEMORY"
    gc.collect()
    assert first() is None


def overflowing(*_: Any) -> None:
    """Fail as a network does whose 16-bit numbers are too small."""
    from colab.handlers.upscale.network import Overflow

    raise Overflow


def test_a_lost_gpu_is_an_engine_failure_that_may_be_tried_again(
    at_desk: AtDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was finished stays, nothing is given away."""
    from colab.handlers.upscale import realesrgan
    from colab.handlers.upscale.network import Network

    run, calls = Network.run, []

    def dying(self: Network, pictures: Any) -> Any:
        calls.append(1)
        if len(calls) == 15:
            raise RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be …")
        return run(self, pictures)

    monkeypatch.setattr(Network, "run", dying)
    monkeypatch.setattr(realesrgan.RealEsrgan, "segment_pixels", 1)
    desk = at_desk(film(tmp_path / "a.mkv", rate="20", size="32x24"))
    desk.models = models(tmp_path, saved(compact(), tmp_path / "net.pth"))
    with pytest.raises(JobFailed, match="GPU was lost") as failed:
        desk.run()
    assert failed.value.code == "ENGINE"
    assert not desk.published


def test_numbers_too_large_for_16_bits_are_calculated_in_32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An overflow costs time, never black frames, and it is said."""
    from colab.handlers.upscale import network

    shape = Shape(size=(16, 16), target=(64, 64))
    made = enlarging(tmp_path, compact(), shape)
    planes = np.full((3, 16, 16), 90, np.uint8)
    right = made.planes(planes, never)
    run = network.Network.run

    def overflowing(self: network.Network, pictures: Any) -> Any:
        if self is not made._network:
            return run(self, pictures)
        raise network.Overflow

    monkeypatch.setattr(network.Network, "run", overflowing)
    made._network = replace(made._network)  # one whose numbers are too small
    made._network = replace(made._network, half=True)
    first = made._network

    def once(self: network.Network, pictures: Any) -> Any:
        if self is first:
            raise network.Overflow
        return run(self, pictures)

    monkeypatch.setattr(network.Network, "run", once)
    assert np.array_equal(made.planes(planes, never), right)
    assert "32 bits" in made.notes()["precision"]


def test_a_network_that_gives_no_numbers_is_broken(tmp_path: Path) -> None:
    """NaN weights end the job instead of making black frames."""
    import torch

    net = compact()
    with torch.no_grad():
        next(net.parameters()).fill_(float("nan"))
    made = enlarging(tmp_path, net, Shape(size=(16, 16), target=(64, 64)))
    with pytest.raises(JobFailed, match="no numbers") as failed:
        made.planes(np.zeros((3, 16, 16), np.uint8), never)
    assert failed.value.code == "ENGINE"


def _code(path: Path) -> None:
    import torch

    torch.save({"params": compact}, path)


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(999))


def _other(path: Path) -> None:
    import torch

    torch.save({"weight": torch.zeros(3)}, path)


def _restoring(path: Path) -> None:
    saved(compact(1), path)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_code, "can run code"),
        (_noise, "no file of weights"),
        (_other, "no architecture"),
        (_restoring, "something else"),
    ],
)
def test_files_that_are_no_such_network_are_refused(tmp_path: Path, write: Callable[[Path], None], words: str) -> None:
    """Code in a pickle is never run; what is not a network for upscaling is said to be none."""
    from colab.handlers.upscale.realesrgan import RealEsrgan

    write(tmp_path / "net.pth")
    engine = RealEsrgan(models(tmp_path, tmp_path / "net.pth"), "realesrgan-x4plus")
    with pytest.raises(JobFailed, match=words) as failed:
        engine.ready(Shape(size=(16, 16), target=(64, 64)), Params())
    assert failed.value.code == "UNSUPPORTED"


def test_a_model_that_the_owner_added_is_used_by_its_name(at_desk: AtDesk, tmp_path: Path) -> None:
    """Any network that spandrel reads."""
    desk = at_desk(film(tmp_path / "a.mkv", seconds=0.1, size="32x24"), model="my-own-2x")
    desk.models = models(tmp_path, saved(compact(2), tmp_path / "net.pth"), "my-own-2x", owner=True)
    assert desk.run().engine.version.startswith("my-own-2x ")


def test_files_of_other_kinds_are_not_fetched_for_a_job(at_desk: AtDesk, tmp_path: Path) -> None:
    """A job cannot have a voice downloaded by calling it a model."""
    desk = at_desk(film(tmp_path / "a.mkv", seconds=0.1), model="kokoro-82m/config.json")
    with pytest.raises(JobFailed, match="for upscaling") as failed:
        desk.run()
    assert failed.value.code == "UNSUPPORTED"


def test_a_named_model_is_never_replaced(at_desk: AtDesk, tmp_path: Path) -> None:
    """Who asks for x4plus on a worker that cannot have it gets an error, not Lanczos."""
    there = models(tmp_path, saved(compact(), tmp_path / "net.pth"), "realesr-animevideov3")
    desk = at_desk(film(tmp_path / "a.mkv", seconds=0.1), model="x4plus")
    desk.models = there
    with pytest.raises(JobFailed, match="x4plus") as failed:
        desk.run()
    assert failed.value.code == "UNSUPPORTED"
