"""Evaluation: scores as scikit-image gives them, controls, reports, the command."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from paths import SHARED
from PIL import Image
from scenes import SCENES
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from cocnet import create_model, save_checkpoint
from cocnet.apps.cli.main import main
from cocnet.datasets import ImageBokehFolder, View, ray_traced
from cocnet.datasets.pairs.open_pairs import PairFolder, open_pairs
from cocnet.datasets.pairs.sample import sample_of
from cocnet.errors import DepthError, FileError, InputError
from cocnet.evaluation.evaluation_run import EvaluateRun, controls_for, run_evaluation
from cocnet.evaluation.measure_pairs import evaluate, readable
from cocnet.evaluation.pair_report import markdown, write_report, write_sheet
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.renderers import ConstantBlur, Identity, NetworkRenderer, Physical, best_constant_blur
from cocnet.renderers.controls import blurred
from cocnet.renderers.opening import NAMES

TINY = {"channels": [4, 8, 8], "groups": 1, "kernel_size": 3}
DATA = SHARED / "data"


@pytest.fixture
def folder(tmp_path):
    """Three pairs of 40 × 32 px: the bokeh is the photo with ever more noise; depth falls to the right."""
    random = np.random.default_rng(0)
    for part in ("photos", "bokeh", "depth"):
        (tmp_path / part).mkdir()
    for number in range(3):
        rgb = random.integers(30, 220, (4, 5, 3)).astype(np.uint8)
        photo = np.asarray(Image.fromarray(rgb).resize((40, 32), Image.Resampling.BICUBIC)).astype(int)
        noise = random.integers(-4 * number, 4 * number + 1, photo.shape)
        Image.fromarray(photo.astype(np.uint8)).save(tmp_path / "photos" / f"{number}.png")
        Image.fromarray((photo + noise).astype(np.uint8)).save(tmp_path / "bokeh" / f"{number}.png")
        depth = np.tile(np.linspace(60000, 0, 40).astype(np.uint16), (32, 1))
        Image.fromarray(depth).save(tmp_path / "depth" / f"{number}.png")
    return tmp_path


@pytest.fixture
def pairs(folder):
    """Opens them."""
    return lambda **options: ImageBokehFolder(folder / "photos", folder / "bokeh", **options)


@pytest.fixture
def deep(folder, pairs):
    """Opens them with depth."""
    return lambda **options: pairs(depths=folder / "depth", depth_kind="relative_disparity", **options)


class Brighter:
    """A renderer that adds less than half a grey level."""

    name = "brighter"
    reads: frozenset[str] = frozenset()

    def render(self, light, inverse_depth=None, lens=None):
        return srgb_to_linear(linear_to_srgb(light) + 0.4 / 255)


def pixels(path):
    return np.asarray(Image.open(path))


def test_scores_are_those_of_the_files(folder, pairs):
    found = evaluate(Identity(), pairs(), ("ssim", "psnr"), what="untouched")
    for row in found.rows:
        a, b = (pixels(folder / part / f"{row.name}.png") for part in ("bokeh", "photos"))
        assert row.scores["ssim"] == pytest.approx(structural_similarity(a, b, channel_axis=2), abs=1e-9)
        if row.name != "0":
            assert row.scores["psnr"] == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-9)
    assert found.means["ssim"] == pytest.approx(np.mean([row.scores["ssim"] for row in found.rows]))
    assert [row.name for row in found.ranked()] == ["2", "1", "0"]
    assert (found.rows[0].height_px, found.rows[0].width_px) == (32, 40) and not found.notes


def test_what_a_renderer_gives_is_clipped_and_rounded(pairs):
    found = evaluate(Brighter(), pairs(), ("ssim",))
    assert found.rows[0].scores["ssim"] == pytest.approx(1, abs=1e-12)


def test_one_blur_is_a_gaussian_and_the_best_is_found(pairs):
    spot = torch.full((1, 3, 33, 41), 0.2)
    spot[..., 16, 20] = 1
    (same, wide) = blurred(spot, (0.0, 0.05))
    assert (same - spot).abs().max() < 1e-5
    light = wide[0, 0] - 0.2
    place = torch.arange(41) - 20
    assert float((light.sum(0) * place**2).sum() / light.sum()) == pytest.approx((0.05 * 41) ** 2, rel=0.02)
    samples = [sample_of(pair) for pair in pairs()]
    blur = ConstantBlur(0.0113)
    assert best_constant_blur((s.light, s.rendered_by(blur)) for s in samples) == blur
    assert best_constant_blur((s.light, s.bokeh) for s in readable(pairs())).share <= 0.008


def test_physics_and_networks_get_what_they_need(deep, pairs):
    sample = sample_of(deep()[1])
    assert sample.assumed and sample.nearness.aminmax() == (0, 1)
    assert 1 / float(sample.inverse_depth.max()) == pytest.approx(1)
    assert sample.rendered_by(Physical()).shape == sample.image.shape
    for name in ("cocnet-b3-less", "cocnet-b3-depth", "cocnet-b3-less-lens"):
        network = create_model(name, **TINY).start_at_identity().eval()
        with torch.no_grad():
            assert (sample.rendered_by(NetworkRenderer(network)) - sample.image).abs().max() < 1e-5
    for renderer in (Physical(), NetworkRenderer(network)):
        with pytest.raises(DepthError, match="folder of depth files"):
            evaluate(renderer, pairs(), ("psnr",))
    assert any("assumed" in note for note in evaluate(Identity(), deep(), ("psnr",)).notes)


def test_ray_traced_scenes_are_won_by_physics():
    scenes = ray_traced(SCENES[0].parent)
    scenes.files = scenes.files[2:4]
    ours, photo = (evaluate(one, scenes, ("psnr",)) for one in (Physical(), Identity()))
    blur = evaluate(best_constant_blur((s.light, s.bokeh) for s in readable(scenes)), scenes, ("psnr",))
    assert ours.means["psnr"] > blur.means["psnr"] + 5 > photo.means["psnr"] + 5
    assert not ours.notes


def test_bad_pairs_stop_or_are_reported(folder, pairs):
    whole = (folder / "bokeh" / "1.png").read_bytes()
    (folder / "bokeh" / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match=r"1\.png"):
        evaluate(Identity(), pairs(), ("psnr",))
    found = evaluate(Identity(), pairs(), ("psnr",), skip_problems=True)
    assert [row.name for row in found.rows] == ["0", "2"]
    assert [problem.name for problem in found.skipped] == ["1"]
    with pytest.raises(InputError, match="metric"):
        evaluate(Identity(), pairs(), ("psnrr",))


def test_missing_metrics_are_named(pairs, monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    found = evaluate(Identity(), pairs(), ("psnr", "lpips"))
    assert list(found.metrics) == ["psnr"] and "cocnet[metrics]" in found.missing["lpips"]
    assert "not measured" in markdown([found]) and "lpips is not measured: expected" in markdown([found])
    with pytest.raises(FileError, match="none of lpips"):
        evaluate(Identity(), pairs(), ("lpips",))


def test_reports(pairs, tmp_path):
    data = pairs(view=View(resize=(48, 48)))
    blur = ConstantBlur(0.01)
    found = [
        evaluate(Identity(), data, ("ssim",), what="photo"),
        evaluate(blur, data, ("ssim",), what="blur"),
    ]
    facts, text = write_report(tmp_path / "new" / "report", found, {"model": "none"})
    said = json.loads(facts.read_text())
    assert said["settings"] == {"model": "none"} and len(said["evaluations"][0]["rows"]) == 3
    assert said["evaluations"][1]["means"]["ssim"] == pytest.approx(found[1].means["ssim"])
    assert "48 × 48 px" in text.read_text() and "| blur | " in text.read_text()
    rows = write_sheet(tmp_path / "sheet.png", found[0], Identity(), data)
    assert [row.name for row in rows] == ["2", "1", "0"]
    sheet = pixels(tmp_path / "sheet.png")
    assert sheet.shape == (3 * 56, 3 * 56, 3)
    assert np.abs(sheet[:48, :48].astype(int) - sheet[:48, 56:104]).max() <= 1


def test_the_command(folder, tmp_path, capsys):
    torch.manual_seed(0)
    path = save_checkpoint(
        create_model("cocnet-b3-less", **TINY), tmp_path / "net.safetensors", data="nothing"
    )
    out = tmp_path / "run"
    given = ["--data", str(folder / "photos"), "--bokeh", str(folder / "bokeh"), "--metrics", "psnr", "ssim"]
    depth = ["--depths", str(folder / "depth"), "--depth-kind", "relative_disparity"]
    assert main(["evaluate", "--model", str(path), *given, *depth, "--controls", "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert (
        "untouched photo" in printed and "physical renderer" in printed and "best on these pairs" in printed
    )
    facts = json.loads((out / "evaluation.json").read_text())
    assert facts["settings"]["weights"]["data"] == "nothing" and len(facts["evaluations"]) == 4
    assert (out / "evaluation.md").is_file() and (out / "sheet.jpg").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_every_renderer_is_evaluated_by_its_name(name, folder, tmp_path):
    depth = {"depths": folder / "depth", "depth_kind": "relative_disparity"}
    run = EvaluateRun(
        folder / "photos", folder / "bokeh", **depth, model=name, metrics=("psnr",), no_sheet=True
    )
    (found,) = run_evaluation(replace(run, out=tmp_path / "run"))
    facts = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert len(found.rows) == 3 and facts["settings"]["weights"] is None


def test_controls_without_a_pair_are_one_line():
    with pytest.raises(FileError, match="got none"):
        controls_for([])


def test_which_dataset(folder, tmp_path):
    assert len(open_pairs(PairFolder(SCENES[0].parent))) == 6
    with pytest.raises(InputError, match="--bokeh FOLDER"):
        open_pairs(PairFolder(folder))
    (folder / "photos").rename(folder / "original")
    assert len(open_pairs(PairFolder(folder, resize=(8, 8)))) == 3
    with pytest.raises(InputError, match="as they are"):
        open_pairs(PairFolder(SCENES[0].parent, resize=(8, 8)))
    for wrong in ({"metrics": ("nonsense",)}, {"device": "gpu9"}, {"model": "cocnet-b33"}):
        with pytest.raises(InputError, match=r"a metric|device|try cocnet-b3"):
            run_evaluation(EvaluateRun(folder, out=tmp_path / "x", **wrong))
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(not (DATA / "dpdd").is_dir(), reason="needs shared/data/dpdd, which isn't here")
def test_real_defocus_pairs():
    data = ImageBokehFolder(DATA / "dpdd", endings=("_sharp", "_input"))
    found = evaluate(Identity(), data, ("psnr", "ssim"))
    assert len(found.rows) == 7 and 15 < found.means["psnr"] < 35 and 0.4 < found.means["ssim"] < 0.95
