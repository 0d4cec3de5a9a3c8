"""CLIP and BLIP by their real loading code, with few random weights."""

from __future__ import annotations

import contextlib
from functools import partial

import numpy as np
import pytest

from colab.handlers.analyze import HANDLER, AnalyzeHandler
from colab.handlers.analyze.resume import Saving
from protocol.errors import JobFailed
from protocol.kinds.analysis import read_analysis
from protocol.kinds.analyze import ANALYSIS, Params
from tests.support import no_room, tiny_vision
from tests.support.tiny_vision import BLIP, CLIP

pytestmark = pytest.mark.extras


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("tiny")
    return tiny_vision.clip(folder / "clip"), tiny_vision.blip(folder / "blip")


@pytest.fixture
def both(made, tmp_path):
    return tiny_vision.models(tmp_path / "models", (CLIP, made[0]), (BLIP, made[1]))


@pytest.fixture(autouse=True)
def forget():
    yield
    with contextlib.suppress(ImportError):
        from colab.handlers.analyze import vision_models

        vision_models.loaded_model.cache.clear()


def look(put, source, models, **more):
    desk = put(source, **more)
    desk.models = models
    return desk.run(), read_analysis(desk.outputs()[ANALYSIS]), desk


def test_every_shot_has_tags_a_caption_and_a_vector(parts, put, both):
    """Shares fall and are of all labels; vectors have length 1 and differ where pictures do."""
    result, told, _ = look(put, parts, both, raw={"tags_most": 3, "labels": ("a zebra",)})
    assert (result.engine.name, result.engine.tier, result.engine.device) == ("clip-blip", "neural", "cpu")
    assert "passed_over" not in result.summary
    for shot in told.shots:
        scores = [tag.score for tag in shot.tags]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)
        assert 0 < sum(scores) < 1
        assert shot.caption
        assert np.linalg.norm(shot.vector()) == pytest.approx(1, abs=1e-3)
    assert told.embeddings is not None
    assert (told.embeddings.model, told.embeddings.dimensions) == (CLIP, 16)
    vectors = np.array([shot.vector() for shot in told.shots])
    assert np.abs(vectors[0] - vectors[1]).max() > 0.01


def test_only_labels_of_the_user_are_looked_for_if_that_is_wanted(parts, put, both):
    """The shares of two labels are those of all that was looked for."""
    _, told, _ = look(put, parts, both, raw={"labels": ("red", "blue"), "general_labels": False, "captions": "off"})
    assert {tag.label for tag in told.shots[0].tags} == {"red", "blue"}
    assert sum(tag.score for tag in told.shots[0].tags) == pytest.approx(1, abs=1e-3)
    assert told.shots[0].caption is None


def test_the_same_film_gives_the_same_bytes(parts, put, both):
    """Twice, and by a model that was opened anew."""
    from colab.handlers.analyze import vision_models

    first = look(put, parts, both)[2].outputs()
    vision_models.loaded_model.cache.clear()
    assert look(put, parts, both)[2].outputs() == first


@pytest.mark.parametrize(("here", "done", "lacking"), [(0, "tags", "captions"), (1, "captions", "tags")])
def test_one_model_does_what_it_can_and_the_rest_is_said(here, done, lacking, parts, put, made, tmp_path):
    """With CLIP alone there are no captions, with BLIP alone nothing else; what is insisted on is an error."""
    pairs = (CLIP, made[0]), (BLIP, made[1])
    only = tiny_vision.models(tmp_path / "models", pairs[here], absent=[pairs[1 - here]])
    result, told, _ = look(put, parts, only)
    assert result.engine.tier == "neural"
    assert lacking in " ".join(result.summary["passed_over"])
    assert bool(told.shots[0].tags) == (done == "tags")
    assert bool(told.shots[0].caption) == (done == "captions")
    with pytest.raises(JobFailed, match="models pull") as failed:
        look(put, parts, only, raw={lacking: "on"})
    assert failed.value.code == "UNSUPPORTED"


def test_a_picture_is_seen_too(tmp_path, put, both):
    """A still one, upright and on white."""
    from tests.support import odd_media

    _, told, _ = look(put, odd_media.PICTURES["alpha and 16 bits"](tmp_path), both)
    assert told.shots[0].tags
    assert told.shots[0].caption


def engine(both, **params):
    from colab.handlers.analyze.clip_blip import ClipBlip

    return ClipBlip(both, Params(**params), frozenset({"tags", "embeddings", "captions"}))


def pictures(count):
    return list(np.random.default_rng(4).integers(0, 255, (count, 40, 60, 3)).astype(np.uint8))


def test_too_little_memory_halves_the_batch(both, monkeypatch):
    """What did not fit at once is done in parts, in order, and later batches begin smaller."""
    whole = engine(both).look(pictures(5))
    eyes, sizes = engine(both), []
    real = eyes._look

    def small(batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise MemoryError("too many")
        return real(batch)

    monkeypatch.setattr(eyes, "_look", small)
    parts = eyes.look(pictures(5))
    assert [one.caption for one in parts] == [one.caption for one in whole]
    assert np.allclose(vectors(parts), vectors(whole), atol=2e-3)
    assert sizes == [5, 2, 3, 1, 2]
    assert eyes.batch == 1


def vectors(seen):
    from protocol.kinds.analysis import unpacked

    return np.array([unpacked(one.embedding) for one in seen])


def test_one_picture_that_does_not_fit_is_said(both, monkeypatch):
    """Then there is nothing to halve."""
    eyes = engine(both)

    def full(batch):
        raise MemoryError("full")

    monkeypatch.setattr(eyes, "_look", full)
    with pytest.raises(JobFailed) as failed:
        eyes.look(pictures(2))
    assert failed.value.code == "OUT_OF_MEMORY"


ILLEGAL = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported"


def test_an_illegal_access_is_a_lost_gpu_and_no_want_of_memory(both, monkeypatch):
    """Its words speak of memory too: nothing is halved, and ENGINE has the process replaced that lost the GPU."""
    eyes, sizes = engine(both), []

    def lost(_, batch):
        sizes.append(len(batch))
        raise RuntimeError(ILLEGAL)

    monkeypatch.setattr("colab.handlers.analyze.clip_blip._image_vectors", lost)
    with pytest.raises(JobFailed, match=r"the GPU was lost.*illegal memory access") as failed:
        eyes.look(pictures(4))
    assert (failed.value.code, sizes) == ("ENGINE", [4])


@pytest.mark.parametrize("full", no_room.WAYS)
def test_models_that_do_not_fit_are_said_and_not_kept(both, monkeypatch, full):
    """Where loading one takes the last of the memory, that is OUT_OF_MEMORY; with room again it is loaded."""
    with no_room.for_models(monkeypatch, full), pytest.raises(JobFailed, match=r"clip-vit.* needs more") as failed:
        engine(both).look(pictures(2))
    assert failed.value.code == "OUT_OF_MEMORY"
    assert len(engine(both).look(pictures(2))) == 2


def test_a_provider_that_torch_does_not_know_is_refused_and_never_the_cpu(parts, put, both):
    """Who left it open gets the measures without, and is told; who insists gets an error with the words there are."""
    odd = tiny_vision.with_provider(both, "TensorrtExecutionProvider")
    result, _, _ = look(put, parts, odd)
    assert result.engine.name == "classic"
    assert "'TensorrtExecutionProvider' was asked for" in result.summary["passed_over"][0]
    assert [record.name for record in HANDLER.engines(odd)] == ["classic"]
    with pytest.raises(JobFailed, match="can use only: cpu") as failed:
        look(put, parts, odd, raw={"tags": "on"})
    assert failed.value.code == "UNSUPPORTED"


def test_weights_that_are_a_program_are_not_run(parts, put, tmp_path):
    """A pickle that would do something is refused as no weights, and has done nothing."""
    folder = tiny_vision.poisoned(tiny_vision.blip(tmp_path / "blip"))
    with pytest.raises(JobFailed, match="cannot be opened") as failed:
        look(put, parts, tiny_vision.models(tmp_path / "models", (BLIP, folder)))
    assert failed.value.code == "ENGINE"
    assert not (tmp_path / "ran").exists()


def test_weights_that_lack_something_are_refused(parts, put, tmp_path):
    """The library would fill the hole with random numbers and go on."""
    folder = tiny_vision.without(tiny_vision.clip(tmp_path / "clip"), "visual_projection")
    with pytest.raises(JobFailed, match="lack 1 of") as failed:
        look(put, parts, tiny_vision.models(tmp_path / "models", (CLIP, folder)))
    assert failed.value.code == "ENGINE"


def test_what_was_seen_is_left_and_taken_over(parts, put, both, monkeypatch):
    """Shots that an earlier attempt looked at are not looked at again; what does not fit is."""
    from colab.handlers.analyze import clip_blip

    put = partial(put, handler=AnalyzeHandler(saving=Saving(every_s=0.0)))
    monkeypatch.setattr(clip_blip, "BATCH", {"cpu": 2})
    _, _, whole = look(put, parts, both)
    seen = [path for path in whole.checkpoints if "/seen-" in path]
    assert seen == ["checkpoints/seen-0001.json", "checkpoints/seen-0002.json"]
    first = {seen[0]: whole.output(seen[0])}
    looked = []
    real = clip_blip.ClipBlip._look
    monkeypatch.setattr(clip_blip.ClipBlip, "_look", lambda self, batch: looked.append(len(batch)) or real(self, batch))
    resumed = look(put, parts, both, earlier=first)[2]
    assert looked == [2]
    assert resumed.outputs() == whole.outputs()
    assert [path for path in resumed.checkpoints if "/seen-" in path] == ["checkpoints/seen-0002.json"]
    wrong = whole.folder / "wrong"
    wrong.write_bytes(first[seen[0]].read_bytes().replace(b'"places":[', b'"places":[9'))
    look(put, parts, both, earlier={seen[0]: wrong})
    assert looked == [2, 2, 2]
