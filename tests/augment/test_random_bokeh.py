"""Random bokeh as a transform: what it changes, what it leaves, where its random numbers are from."""

import numpy as np
import pytest
import torch
from bokeh_photos import BokehPhotos
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from cocnet.augment import CameraRanges, Depth, RandomBokeh
from cocnet.augment.camera_ranges import LARGEST, with_mean_coc
from cocnet.augment.depths import estimated, made_up
from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.optics import ThinLens
from cocnet.renderers import Physical


@pytest.fixture
def photo():
    return torch.randint(0, 256, (3, 32, 48), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


@pytest.fixture
def depth():
    plane = torch.full((32, 48), 0.1)
    plane[8:24, 16:32] = 1.0  # the subject at 1 m, in the middle
    return Depth(plane)


STRONG = CameraRanges(f_number=(0.7, 0.7))


def test_the_picture_is_the_renderers_and_nothing_else_changes(photo, depth):
    boxes = tv_tensors.BoundingBoxes(torch.tensor([[1, 2, 3, 4]]), format="XYXY", canvas_size=(32, 48))
    mask = tv_tensors.Mask(torch.ones(1, 32, 48, dtype=torch.uint8))
    given = {"image": tv_tensors.Image(photo), "depth": depth, "boxes": boxes, "mask": mask, "label": 7}
    found = RandomBokeh(STRONG, p=1.0)(given)
    lens = ThinLens(0.075, 0.7, 1.0, 0.036)
    light = srgb_to_linear(photo[None] / 255)
    renderer = Physical(sharp_lights=False, largest_radius=LARGEST)
    wanted = linear_to_srgb(renderer.render(light, torch.as_tensor(depth)[None, None], lens))[0].clamp(0, 1)
    assert type(found["image"]) is tv_tensors.Image and found["image"].dtype == torch.uint8
    torch.testing.assert_close(found["image"] / 255, wanted, atol=1.1 / 255, rtol=0)
    assert found["label"] == 7 and type(found["depth"]) is Depth
    for name in ("depth", "boxes", "mask"):
        assert torch.equal(found[name], given[name])


def test_pictures_come_back_as_they_came(photo, depth):
    bokeh = RandomBokeh(STRONG, p=1.0)
    whole, _ = bokeh(tv_tensors.Image(photo), depth)
    pil, _ = bokeh(Image.fromarray(photo.permute(1, 2, 0).numpy()), depth)
    plain, _ = bokeh(photo, depth)
    floats, _ = bokeh(tv_tensors.Image(photo / 255), depth)
    assert isinstance(pil, Image.Image) and type(plain) is torch.Tensor and floats.is_floating_point()
    assert np.array_equal(np.asarray(pil), whole.permute(1, 2, 0).numpy()) and torch.equal(plain, whole)
    torch.testing.assert_close(floats.as_subclass(torch.Tensor), whole / 255, atol=1.1 / 255, rtol=0)


def test_flips_and_crops_carry_depth_along(photo, depth):
    bokeh = RandomBokeh(STRONG, p=1.0)
    flipped = v2.Compose([v2.RandomHorizontalFlip(1.0), bokeh])(tv_tensors.Image(photo), depth)
    after = v2.functional.horizontal_flip(bokeh(tv_tensors.Image(photo), depth)[0])
    assert type(flipped[1]) is Depth
    torch.testing.assert_close(flipped[0].float(), after.float(), atol=1.0, rtol=0)
    cropped = v2.Compose([v2.CenterCrop((16, 16)), bokeh])(tv_tensors.Image(photo), depth)
    assert cropped[0].shape == (3, 16, 16) and float(cropped[1].min()) == 1.0


def test_what_p_is(photo, depth):
    assert torch.equal(RandomBokeh(STRONG, p=0.0)(photo, depth)[0], photo)
    bokeh = RandomBokeh(STRONG, p=0.5)
    torch.manual_seed(0)
    changed = sum(not torch.equal(bokeh(photo, depth)[0], photo) for _ in range(40))
    assert 8 < changed < 32


@pytest.mark.parametrize("seed", [None, 3])
def test_random_numbers_repeat(photo, depth, seed):
    bokeh = RandomBokeh(CameraRanges(focus="random", blades=(0, 5), cat_eye=(0, 0.5)), p=1.0, seed=seed)
    torch.manual_seed(5)
    first = bokeh(photo, depth)[0]
    if seed is None:
        assert not torch.equal(bokeh(photo, depth)[0], first)
        torch.manual_seed(5)
    assert torch.equal(bokeh(photo, depth)[0], first)
    if seed is not None:
        bokeh.epoch = 1
        assert not torch.equal(bokeh(photo, depth)[0], first)


def test_a_seeded_photo_is_the_same_in_any_batch_and_worker(photo, depth):
    photos = BokehPhotos(photo, depth)
    alone = torch.stack([photos[i] for i in range(4)])
    workers = torch.cat(list(DataLoader(photos, batch_size=3, num_workers=2, multiprocessing_context="fork")))
    batch = torch.stack([photo.roll(i, -1) for i in range(4)])
    together = photos.bokeh(batch, depth)[0]
    assert torch.equal(alone, workers) and torch.equal(alone, together)


@pytest.mark.slow
def test_workers_that_are_spawned_make_the_same(photo, depth):
    photos = BokehPhotos(photo, depth)
    spawned = DataLoader(photos, batch_size=2, num_workers=2, multiprocessing_context="spawn")
    assert torch.equal(torch.cat(list(spawned)), torch.stack([photos[i] for i in range(4)]))


def test_estimated_once(photo, tmp_path, monkeypatch):
    whole = estimated(photo)
    kept = estimated(photo, cache=tmp_path / "cache")
    torch.testing.assert_close(kept, whole)
    monkeypatch.setattr("cocnet.augment.depths.estimate_depth", None)
    assert torch.equal(estimated(photo, cache=tmp_path / "cache"), whole)
    assert RandomBokeh(p=1.0, depth="estimated", cache=tmp_path / "cache")(photo).shape == photo.shape
    (file,) = (tmp_path / "cache").iterdir()
    monkeypatch.undo()
    for broken in (b"\x93NUMPY", file.read_bytes()[:-1]):
        file.write_bytes(broken)
        torch.testing.assert_close(estimated(photo, cache=tmp_path / "cache"), whole)
    monkeypatch.setattr("cocnet.augment.depths.estimate_depth", None)
    with pytest.raises(TypeError):
        estimated(photo + 1, cache=tmp_path / "cache")


def test_made_up_depth_is_a_scene():
    plane = made_up(40, 60, torch.Generator().manual_seed(0))
    assert plane.shape == (40, 60) and float(plane.min()) >= 0.1 and float(plane.max()) <= 1.0
    assert float(plane[-5:].mean()) > float(plane[:5].mean())


@pytest.mark.parametrize("share", [0.002, 0.01, 0.03])
def test_mean_coc_is_as_asked(depth, share):
    plane = torch.as_tensor(depth)
    ranges = CameraRanges(mean_coc=(share, share), focus="background")
    lens = ranges.drawn(plane)
    assert float(lens.coc_radius_px(plane, 1000).abs().mean()) == pytest.approx(1000 * share, rel=1e-4)
    flat = torch.full((8, 8), float(1 / lens.focus_distance_m))
    assert with_mean_coc(lens, flat, 0.01) is lens


@pytest.mark.parametrize("share", [0.02, 0.04, 0.19])
def test_mean_coc_counts_blur_as_it_is_rendered(share):
    """A sixth of the photo, focused in front of it: what lies beyond the largest blur is cut."""
    plane = torch.full((30, 60), 1.0)
    plane[:, :10], plane[:, 10:13] = 0.1, 0.9
    lens = CameraRanges(mean_coc=(share, share), focus=(1.0, 1.0)).drawn(plane)
    radius = lens.coc_radius_px(plane, 1).abs().clamp(max=LARGEST)
    reachable = LARGEST * 13 / 60
    assert float(radius.mean()) == pytest.approx(min(share, reachable), rel=1e-3)


@pytest.mark.parametrize(
    ("focus", "wanted"), [("subject", 1.0), ("background", 0.1), ((2.0, 2.0), 0.5)], ids=str
)
def test_where_the_focus_lies(depth, focus, wanted):
    lens = CameraRanges(focus=focus).drawn(torch.as_tensor(depth))
    assert 1 / float(lens.focus_distance_m) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"f_number": (0, 2)},
        {"f_number": (4, 2)},
        {"mean_coc": (0.1, 0.5)},
        {"blades": (0, 33)},
        {"blades": 5},
        {"f_number": 2},
        {"f_number": ("2", "4")},
        {"mean_coc": 0.1},
        {"f_number": (2, 4), "mean_coc": (0, 0.1)},
        {"focus": "eyes"},
        {"focus": (5.0, 1.0)},
        {"blades": (2,)},
        {"cat_eye": (0.5, 1.5)},
    ],
    ids=str,
)
def test_ranges_that_cannot_be(changes):
    with pytest.raises(InputError):
        CameraRanges(**changes)


def test_wrong_use_is_one_line(photo, depth):
    with pytest.raises(InputError, match="Depth beside"):
        RandomBokeh(p=1.0)(photo)
    with pytest.raises(InputError, match="size"):
        RandomBokeh(p=1.0)(photo[:, :16], depth)
    with pytest.raises(InputError, match="3 h w"):
        RandomBokeh(p=1.0)(photo[:1], depth)
    with pytest.raises(InputError, match="cache"):
        RandomBokeh(cache="somewhere")
    with pytest.raises(InputError, match="one Depth in a sample, got 2"):
        RandomBokeh(p=1.0)(photo, depth, depth)
    with pytest.raises(InputError, match="one picture in a sample, got 2"):
        RandomBokeh(p=1.0)([{"image": tv_tensors.Image(photo), "depth": depth}] * 2)
    with pytest.raises(InputError, match="got 2 for 4 pictures"):
        RandomBokeh(p=1.0)(photo.expand(4, -1, -1, -1), Depth(torch.stack([torch.as_tensor(depth)] * 2)))


@pytest.mark.parametrize("kind", [torch.int32, torch.int64, torch.bool])
def test_pictures_of_other_whole_numbers_are_refused(kind):
    with pytest.raises(InputError, match="uint8 or floats"):
        RandomBokeh(p=1.0, depth="made-up")(torch.ones(3, 32, 32, dtype=kind))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_depth_with_holes_is_refused(photo, depth, value):
    plane = torch.as_tensor(depth).clone()
    plane[0, 0] = value
    for wrong in (lambda: RandomBokeh(p=1.0)(photo, Depth(plane)), lambda: Depth.relative(plane)):
        with pytest.raises(InputError, match="finite values"):
            wrong()


def test_workers_that_persist_see_the_epoch(photo, depth):
    photos = BokehPhotos(photo, depth)
    persist = {"num_workers": 1, "persistent_workers": True, "multiprocessing_context": "fork"}
    loader = DataLoader(photos, batch_size=2, **persist)
    first = torch.cat(list(loader))
    photos.bokeh.epoch = 1
    second = torch.cat(list(loader))
    assert torch.equal(second, torch.stack([photos[i] for i in range(4)])) and not torch.equal(first, second)


def test_arrays_beside_a_picture_are_left_alone(photo, depth):
    given = {"camera": np.zeros((5, 7, 3), np.uint8), "image": tv_tensors.Image(photo), "depth": depth}
    found = RandomBokeh(STRONG, p=1.0)(given)
    assert found["camera"] is given["camera"] and not torch.equal(found["image"], given["image"])
