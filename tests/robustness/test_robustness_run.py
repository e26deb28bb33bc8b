"""Runs about robustness: they go on where they stood, count only what is left in files, and say what is missing."""

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from victims import labelled, open_tiny

from cocnet import create_model, save_checkpoint
from cocnet.apps.cli.main import main
from cocnet.attacks import AttackResult
from cocnet.depth import estimate_depth
from cocnet.errors import CocnetWarning, FileError, InputError, MissingExtraError
from cocnet.imaging import write_photo
from cocnet.renderers import NearnessView, Physical, Setup
from cocnet.robustness import sources, stages
from cocnet.robustness.budget import Budget
from cocnet.robustness.method_table import METHODS, MethodSpec, one_blur
from cocnet.robustness.methods import open_method
from cocnet.robustness.published_tables23 import ACCURACY, TRANSFER, table_2, table_3
from cocnet.robustness.robustness_run import run_robustness
from cocnet.robustness.run_layout import load_picture, own
from cocnet.robustness.run_settings import RobustnessRun
from cocnet.robustness.sources import from_subject, nearness_of


def records_of(folder):
    """All records without their seconds, and all other files of batches."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent != folder)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files if path.suffix != ".json"}
    for path in files:
        if path.suffix == ".json":
            facts = json.loads(path.read_text())
            for row in facts.get("records", []):
                row.pop("seconds")
            found[str(path.relative_to(folder))] = facts
    return found


def test_a_stopped_run_goes_on_to_the_same_files(run, tmp_path, monkeypatch):
    whole = replace(run, out=tmp_path / "whole")
    run_robustness(whole)
    done = []

    def stop(what, number, total):
        done.append((what, number))
        if len(done) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_robustness(run, stop)
    opened, attack = [], open_method
    monkeypatch.setattr(stages, "open_method", lambda *args: opened.append(args[0]) or attack(*args))
    run_robustness(run)
    assert len(opened) == 2 * 3 * 3 - 3  # victims × methods × batches, less what was done
    ours, theirs = records_of(run.out), records_of(whole.out)
    assert ours.keys() == theirs.keys() and all(ours[name] == theirs[name] for name in ours)
    opened.clear()
    run_robustness(replace(run, methods=(*run.methods, "blur")))
    assert opened == ["blur"] * 6


def test_a_part_of_a_run_is_reported_as_one(run, monkeypatch):
    """A batch has all methods before the next begins, and a report does no work."""
    seen = []

    def stop(what, number, total):
        seen.append(what)
        if seen.count("attacks on tiny") == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_robustness(run, stop)
    monkeypatch.setattr(stages, "open_method", lambda *args: pytest.fail("attacked"))
    found = run_robustness(replace(run, report_only=True))
    scores = {one.method: one.right.count for one in found.scores if one.victim == "tiny"}
    assert scores == {"bokeh": 4, "gda@0.3": 4, "pgd-rgb@0.3": 2}
    said = (run.out / "robustness.md").read_text()
    assert "not finished: pgd-rgb@0.3 on tiny has 2 of 5 photos" in said
    assert "not finished: bokeh on tiny2 has 0 of 5 photos" in said and "photos were looked at" not in said
    pair = next(one for one in found.pairs if (one.victim, one.second) == ("tiny", "pgd-rgb@0.3"))
    assert pair.test.only_first + pair.test.only_second <= 2
    (run.out / "natural" / "0002.json").unlink()
    again = run_robustness(replace(run, report_only=True))
    assert again.photos == 4 and "not finished: 4 of 5 photos were looked at" in again.notes


def test_other_settings_are_refused_and_named(run, tmp_path, monkeypatch):
    run = replace(run, methods=("aif",))
    run_robustness(run)
    for other, named in (
        ({"steps": 4}, "steps 4 for 3"),
        ({"focus_m": 1.5}, r"focus_m 1\.5 for 1\.0"),
        ({"victims": ("tiny",)}, "victims.*'nothing' for 'tiny2'"),
        ({"photos": 4}, r"photos\.count 4 for 5"),
    ):
        with pytest.raises(FileError, match=named):
            run_robustness(replace(run, **other))
    run_robustness(replace(run, photos=5, pictures=0, threads=1))
    run.data.rename(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    moved = replace(run, data=Path("elsewhere"))
    run_robustness(moved)
    photo = next(moved.data.glob("*/0.png"))
    photo.write_bytes(photo.read_bytes() + b" ")
    with pytest.raises(FileError, match=r"photos\.bytes .* for"):
        run_robustness(moved)
    photo.unlink()
    with pytest.raises(FileError, match=r"photos\.count 4 for 5"):
        run_robustness(moved)


def test_depth_files_that_changed_are_named(run, tmp_path):
    depths = tmp_path / "depths"
    depths.mkdir()
    for number in range(5):
        np.save(depths / f"{number}.npy", np.linspace(1, 5, 1024, dtype=np.float32).reshape(32, 32))
    run = replace(run, methods=("aif",), depths=depths, depth_kind="metric")
    run_robustness(run)
    np.save(depths / "3.npy", np.linspace(1, 5, 4096, dtype=np.float32).reshape(64, 64))
    with pytest.raises(FileError, match=r"photos\.bytes"):
        run_robustness(run)


def test_a_depth_file_that_says_something_else_of_itself_is_another(run, tmp_path):
    depths = tmp_path / "depths"
    depths.mkdir()
    for number in range(5):
        np.save(depths / f"{number}.npy", np.linspace(1, 5, 1024, dtype=np.float32).reshape(32, 32))
        (depths / f"{number}.npy.json").write_text('{"kind": "relative_depth"}')
    run = replace(run, methods=("aif",), depths=depths)
    run_robustness(run)
    (depths / "3.npy.json").write_text('{"kind": "relative_disparity"}')
    with pytest.raises(FileError, match=r"photos\.sha256"):
        run_robustness(run)


def test_a_run_that_was_stopped_at_its_transforms_is_not_finished(run):
    run = replace(run, victims=("tiny",), methods=("bokeh", "gda@0.3", "pgd-rgb@0.3"))
    run = replace(run, transforms=("png", "depth8"))
    assert not run_robustness(run).notes
    for path in (run.out / "attacks" / "tiny" / "gda@0.3").glob("*-png.json"):
        if path.name != "0000-png.json":
            path.unlink()
    found = run_robustness(replace(run, report_only=True))
    assert found.notes == ("not finished: png of gda@0.3 on tiny has 2 of 5 photos",)


def test_stored_results_are_of_the_method_and_the_transform_that_are_asked_for(run):
    run = replace(run, victims=("tiny",), methods=("gda@0.3",), transforms=("png",))
    run_robustness(run)
    folder = run.out / "attacks" / "tiny"
    (folder / "gda@0.3" / "0000-png.json").rename(folder / "gda@0.3" / "0000-resize.json")
    with pytest.raises(FileError, match=r"the transform 'resize', got .* of 'png'"):
        run_robustness(replace(run, transforms=("resize",)))
    (folder / "gda@0.3").rename(folder / "gda@0.2")
    with pytest.raises(FileError, match=r"the method 'gda@0\.2', got .* of 'gda@0\.3'"):
        run_robustness(replace(run, methods=("gda@0.2",), transforms=()))


def test_photos_of_one_name_in_two_classes_have_their_own_depth(run, tmp_path):
    first, second = sorted(run.data.glob("*/*.png"), key=lambda path: path.stem)[:2]
    other = next(one for one in run.data.iterdir() if one != first.parent)
    second.rename(other / first.name)
    depths = tmp_path / "depths"
    for name in ("0", f"{first.parent.name}/0", "2"):
        (depths / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(depths / f"{name}.npy", np.linspace(1, 5, 1024, dtype=np.float32).reshape(32, 32))
    found = run_robustness(replace(run, methods=("aif",), depths=depths, depth_kind="metric"))
    reasons = {problem.name: problem.reason for problem in found.left_out}
    assert found.photos == 2 and "several folders" in reasons[f"{other.name}/0.png"]


def test_other_weights_in_the_same_file_are_noticed(run, tmp_path):
    first, ally = tmp_path / "v.safetensors", tmp_path / "w.safetensors"
    first.write_bytes(b"one")
    ally.write_bytes(b"ally")
    one = replace(run, victims=(f"tiny={first}",), methods=("aif",))
    run_robustness(one)
    joint = replace(one, methods=("aif", f"gda@0.3:with=tiny={ally}"))
    run_robustness(joint)
    run_robustness(one)
    ally.write_bytes(b"another")
    with pytest.raises(FileError, match=r"weight_files\.w\.safetensors"):
        run_robustness(joint)
    first.write_bytes(b"two")
    with pytest.raises(FileError, match=r"weight_files\.v\.safetensors"):
        run_robustness(one)


@pytest.mark.parametrize("method", ["random@0.3", "gda@0.3", "lens", "colorfool-unmasked"])
def test_a_photo_is_attacked_alike_whatever_its_batch(method, run, tmp_path):
    run = replace(run, methods=(method,), victims=("tiny",), full_steps=True)
    whole = {}
    for batch in (1, 2, 5):
        one = replace(run, batch=batch, out=tmp_path / f"run{batch}")
        run_robustness(one)
        folder = one.out / "attacks" / "tiny" / method
        whole[batch] = {path.name: load_picture(path) for path in folder.glob("*.png")}
    for name, picture in whole[1].items():
        for batch in (2, 5):
            assert (whole[batch][name] - picture).abs().max() <= 1.01 / 255, (name, batch)
    if method == "random@0.3":
        depths = [
            load_file(path)["depth"][k] - torch.from_numpy(np.load(run_depth))
            for path, k, run_depth in _depth_rows(tmp_path / "run5", method)
        ]
        assert not torch.equal(depths[0].sign(), depths[1].sign())


def _depth_rows(folder, method):
    path = folder / "attacks" / "tiny" / method / "0000.safetensors"
    return [(path, k, depth) for k, depth in enumerate(sorted((folder / "depth").glob("*.npy")))]


def test_networks_render_what_they_can(run, tmp_path):
    torch.manual_seed(0)
    for kind in ("depth", "lens"):
        small = create_model(f"cocnet-b3-less-{kind}", channels=[4, 8], groups=1, kernel_size=3)
        save_checkpoint(small.start_at_identity(), tmp_path / f"{kind}.safetensors")
    one = replace(run, victims=("tiny",), methods=("random-lens",), photos=2, steps=1)
    depth = replace(one, renderer=str(tmp_path / "depth.safetensors"), out=tmp_path / "depth")
    with pytest.raises(InputError, match="with a camera"):
        run_robustness(depth)
    assert run_robustness(replace(depth, methods=("gda",))).renderer == "cocnet-b3-less-depth"
    lens = replace(one, renderer=str(tmp_path / "lens.safetensors"), out=tmp_path / "lens")
    assert run_robustness(lens).photos == 2
    facts = json.loads((lens.out / "settings.json").read_text())
    assert len(facts["weights"]["sha256"]) == 64
    for wrong, error in (("physical-eq9", InputError), (str(tmp_path / "none.safetensors"), FileError)):
        with pytest.raises(error):
            run_robustness(replace(one, renderer=wrong))


def test_what_is_written_is_what_is_counted(run):
    found = run_robustness(run)
    folder = run.out / "attacks" / "tiny" / "pgd-rgb@0.3"
    rows = [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())["records"]]
    assert len(rows) == found.photos == 5
    victim, fooled = open_tiny("tiny"), 0
    for row in rows:
        seen = int(victim(load_picture(folder / f"{row['stem']}.png")[None]).argmax())
        assert seen == row["prediction_saved"] == row["others"]["tiny"]
        assert row["success_saved"] == (seen != row["label"])
        fooled += row["success_saved"] and row["clean_right"] and row["natural_right"]
    score = found.score("tiny", "pgd-rgb@0.3")
    assert score.success_saved.value * score.success_saved.count == pytest.approx(fooled) and fooled
    assert found.score("tiny", "bokeh").success_saved.value == 0
    gda = load_file(run.out / "attacks" / "tiny" / "gda@0.3" / "0000.safetensors")["depth"]
    before = np.load(next((run.out / "depth").glob("00000-*.npy")))
    assert gda.dtype == torch.float32 and 0 < (gda[0, 0] - torch.from_numpy(before)).abs().max() <= 0.3 + 1e-6
    assert found.clean["tiny"].value == 1
    matrix = next(one for one in found.matrices if one.method == "pgd-rgb@0.3")
    assert matrix.right["tiny"]["tiny"] == score.right_saved


def test_a_success_that_dies_in_8_bit_does_not_survive(run, monkeypatch):
    def nudge(budget):
        def apply(render, victim, image, depth, label):
            shown = (image + 0.3 / 255).clamp(0, 1)
            yes = torch.ones_like(label, dtype=torch.bool)
            return AttackResult(shown, None, yes, label * 0 + 1, label * 0 + 1, label + 0.1)

        return apply

    monkeypatch.setitem(METHODS, "nudge", MethodSpec("less than a step", nudge))
    for other in list(run.data.iterdir())[1:]:
        for path in other.iterdir():
            path.rename(run.data / "0" / path.name)
    found = run_robustness(replace(run, victims=("grid",), methods=("nudge",)))
    score = found.score("grid", "nudge")
    assert (score.success.value, score.success_saved.value, score.success.count) == (1, 0, 5)
    assert score.right.value == 0 and score.right_saved.value == 1


def test_bad_photos_are_listed_and_the_run_goes_on(run, tmp_path):
    (run.data / "0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (run.data / "stray.png").write_bytes(b"")
    depths = tmp_path / "depths"
    depths.mkdir()
    for number in range(4):
        np.save(depths / f"{number}.npy", np.linspace(1, 5, 32 * 32, dtype=np.float32).reshape(32, 32))
    found = run_robustness(
        replace(run, depths=depths, depth_kind="metric", methods=("gda",), victims=("tiny",))
    )
    reasons = {problem.name.rsplit("/")[-1]: problem.reason for problem in found.left_out}
    assert found.photos == 4 and set(reasons) == {"broken.png", "stray.png", "4.png"}
    assert "no label" in reasons["stray.png"] and "depth file for '4'" in reasons["4.png"]
    assert "Left out: 3 photos" in (run.out / "robustness.md").read_text()


def test_a_missing_package_ends_the_run_and_is_no_photos_fault(run, monkeypatch):
    def missing(*args, **options):
        raise MissingExtraError("expected a package, got none, try installing it")

    run = replace(run, methods=("aif",), victims=("tiny",))
    monkeypatch.setattr(sources, "estimate_depth", missing)
    with pytest.raises(MissingExtraError, match="try installing it"):
        run_robustness(run)
    monkeypatch.setattr(sources, "estimate_depth", estimate_depth)
    assert run_robustness(replace(run, steps=4)).photos == 5


def test_without_any_photo_the_first_reason_is_told_and_the_folder_is_free(run, tmp_path):
    depths = tmp_path / "depths"
    depths.mkdir()
    for number in range(5):
        np.save(depths / f"{number}.npy", np.linspace(1, 5, 1024, dtype=np.float32).reshape(32, 32))
    run = replace(run, methods=("aif",), victims=("tiny",), depths=depths)
    with pytest.raises(
        FileError, match=r"got none: '\d/\d\.png': expected the kind of depth .* --depth-kind"
    ):
        run_robustness(run)
    assert run_robustness(replace(run, depth_kind="metric")).photos == 5
    with pytest.raises(FileError, match="try it without --report-only"):
        run_robustness(replace(run, out=tmp_path / "new", depth_kind="metric", report_only=True))


def test_what_could_not_be_read_is_read_again_until_it_is_attacked(run, tmp_path, monkeypatch):
    tries = []

    def busy(*args, **options):
        tries.append(args)
        if len(tries) in (2, 8):
            raise FileError("expected memory, got none, try again")
        return estimate_depth(*args, **options)

    def stop(what, number, total):
        if (what, number) == ("natural bokeh", total):
            raise KeyboardInterrupt

    run = replace(run, methods=("aif",), victims=("tiny",))
    monkeypatch.setattr(sources, "estimate_depth", busy)
    with pytest.raises(KeyboardInterrupt):
        run_robustness(run, stop)
    found = run_robustness(run)
    assert found.photos == 5 and not found.left_out and len(tries) == 5 + 2
    other = replace(run, out=tmp_path / "other")
    found = run_robustness(other)
    assert [one.reason for one in found.left_out] == ["expected memory, got none, try again"]
    assert run_robustness(other).left_out == found.left_out


def test_an_interrupted_command_says_how_to_go_on(run, monkeypatch, capsys):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "open_method", stop)
    command = ["evaluate", "robustness", "--data", str(run.data), "-o", str(run.out), "--victims", "tiny"]
    assert main([*command, "--size-px", "32", "--metrics", "psnr"]) == 130
    assert "the same command goes on where it stood" in capsys.readouterr().err


def test_reports(run, capsys):
    name = next(iter(run.data.glob("*/0.png")))
    name.rename(name.with_name("<b>&.png"))
    words = [f"--{key.replace('_', '-')}" for key in ("batch", "steps", "size_px", "pictures")]
    numbers = [word for key in zip(words, ("2", "3", "32", "9"), strict=True) for word in key]
    command = ["evaluate", "robustness", "--data", str(run.data), "-o", str(run.out), *numbers]
    command += ["--victims", "tiny", "tiny2", "--methods", "aif", "random@0.3", "gda@0.3", "lens", "ace"]
    assert main([*command, "--metrics", "psnr", "ssim"]) == 0
    printed = capsys.readouterr().out
    assert "tiny, gda@0.3: right" in printed and printed.strip().endswith("robustness.html")
    page = (run.out / "robustness.html").read_text()
    assert "&lt;b&gt;&amp;.png" in page and "<b>&" not in page and "data:image/jpeg;base64," in page
    assert "class " in page and "δ of nearness: red +0.3" in page and "http" not in page
    with (run.out / "robustness.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 5 * 5 and float(rows[0]["to_photo psnr"]) == float("inf")
    assert {"perturbation largest_px", "others tiny2", "camera", "natural_right"} <= set(rows[0])
    facts = json.loads((run.out / "robustness.json").read_text())
    assert {pair["first"] for pair in facts["pairs"]} == {"random@0.3", "gda@0.3", "lens"}
    assert main(["tables", "2", "--run", str(run.out)]) == 0
    table = capsys.readouterr().out
    assert (
        "| ResNet50 / – | gda | 0.046 / – | 26.560 / – / – |" in table
        and "– / tiny | aif | – / 1.000" in table
    )
    assert main(["tables", "3", "--run", str(run.out), "--json"]) == 0
    assert any(cell["ours"]["ours"] is not None for cell in json.loads(capsys.readouterr().out))


def test_tables_of_the_paper(capsys):
    for number, told in (
        ("2", "0.923"),
        ("3", "| mean | of the paper's 12 | 0.911 / – | 0.838 / – | 0.723 / –"),
    ):
        assert main(["tables", number]) == 0
        captured = capsys.readouterr()
        assert told in captured.out and "cocnet evaluate robustness" in captured.err
    for wrong in (("2", "--data", "nowhere"), ("1", "--weights", __file__), ("4", "--run", "nowhere")):
        assert main(["tables", *wrong]) == 1 and "expected a folder" in capsys.readouterr().err
    assert main(["tables", "2", "--data", ".", "--native", "--json"]) == 0
    assert "--data, --native: no effect on table 2" in capsys.readouterr().err
    assert main(["tables", "2", "--run", "nowhere"]) == 1 and main(["tables", "5"]) == 1
    assert len(table_2()) == 4 * 5 * 4 and len(TRANSFER) == 12
    means = {cell.column: round(cell.paper, 3) for cell in table_3() if cell.row[0] == "mean"}
    assert means == {"aif": 0.911, "bokeh": 0.838, "gda": 0.723, "sm-gda": 0.756, "bg-gda": 0.710}
    assert ACCURACY["MobileNetV2"][2:] == (0.024, 0.038, 0.020)


@pytest.mark.parametrize(
    ("name", "budget", "error"),
    [
        ("gdaa", Budget(), "try gda"),
        ("gda@much", Budget(), "number behind @"),
        ("ace@1", Budget(), "with an epsilon"),
        ("ace", Budget(targeted=True), "reach a target"),
        ("gda@-1", Budget(), "epsilon from 0"),
    ],
)
def test_methods_that_can_not_be(name, budget, error):
    with pytest.raises(InputError, match=error):
        open_method(name, budget)


def test_methods_by_name():
    assert open_method("bg-gda@8e-3").baseline == "random-bg-gda@8e-3"
    assert {name: open_method(name).epsilon for name in ("gda", "sm-gda", "bg-gda", "random-sm-gda")} == {
        "gda": 3e-4,
        "sm-gda": 8e-3,
        "bg-gda": 6e-4,
        "random-sm-gda": 8e-3,
    }
    setup = Setup(near_m=0.5)
    assert open_method("offset", Budget(setup=setup)).call.span == setup.dioptres  # type: ignore[attr-defined]
    assert open_method("gda", Budget(full=True, seed=3)).call == replace(  # type: ignore[type-var]
        open_method("gda").call, early_stop=False, seed=3
    )


@pytest.mark.parametrize("name", [name for name in METHODS if name != "colorfool-unmasked"])
def test_every_method_runs_within_its_budget(name):
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    depth = torch.linspace(0, 1, 32).view(1, 1, 32, 1).expand(2, 1, 32, 32).contiguous()
    victim, render = open_tiny("tiny"), NearnessView(Physical())
    label = victim(image).argmax(1)
    method = open_method(name, Budget(steps=2))
    result = method(render, victim, image, depth, label)
    assert result.image.shape == image.shape and (result.image >= 0).all() and (result.image <= 1).all()
    if method.spec.unit == "of nearness":
        assert (result.depth - depth).abs().max() <= method.epsilon + 1e-6
    if name == "pgd-rgb":
        assert (result.image - render(image, depth)).abs().max() <= 8 / 255 + 1e-6


@pytest.mark.parametrize("name", ["aif", "bokeh", "blur", "camera", "pgd-rgb", "ace", "gda"])
@pytest.mark.parametrize("change", [lambda x: x.half(), lambda x: x * 2], ids=["half", "beyond"])
def test_every_method_refuses_what_is_no_picture(name, change):
    image, depth = torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16)
    with pytest.raises(InputError, match="expected pictures"):
        open_method(name, Budget(steps=1))(
            NearnessView(Physical()), open_tiny("tiny"), change(image), depth, torch.tensor([0])
        )


def test_one_blur_has_the_mean_radius(monkeypatch):
    setup = Setup(focus_m=2.0)
    depth = torch.linspace(0, 1, 32).view(1, 1, 32, 1).expand(1, 1, 32, 32).contiguous()
    image = torch.zeros(1, 3, 32, 32)
    image[..., 16, 16] = 1
    seen = []

    def render(self, light, inverse_depth, lens):
        seen.append((inverse_depth - setup.inverse_depth(0)) / setup.dioptres)
        return light

    monkeypatch.setattr(Physical, "render", render)
    one_blur(setup, image, depth)
    radius = setup.radius_px(seen[0]).abs()
    assert seen[0].min() == seen[0].max()
    assert float(radius.mean()) == pytest.approx(float(setup.radius_px(depth).abs().mean()), rel=1e-4)


@pytest.mark.parametrize("side", [32, 64, 100, 224, 299])
def test_one_blur_of_the_farthest_alone_is_its_bokeh(side):
    image, farthest = torch.rand(1, 3, side, side), torch.zeros(1, 1, side, side)
    natural = NearnessView(Physical(), Setup())(image, farthest)
    assert (one_blur(Setup(), image, farthest) - natural).abs().max() < 1e-3 < (natural - image).abs().max()


def test_flat_depth_is_in_focus(tmp_path):
    np.save(tmp_path / "flat.npy", np.full((32, 32), 5.0, np.float32))
    write_photo(tmp_path / "photo.png", np.zeros((32, 32, 3), np.uint8))
    image = torch.rand(3, 32, 32)
    for nearest in ("point", "subject"):
        near = nearness_of(
            image, tmp_path / "photo.png", tmp_path / "flat.npy", kind="metric", nearest=nearest
        )
        view = NearnessView(Physical(), Setup())
        torch.testing.assert_close(view(image[None], near[None])[0], image, atol=1e-4, rtol=0)


def test_effort_is_recorded_as_it_was(run):
    asked = replace(run, methods=("ace", "gda@0.3"), victims=("tiny",), restarts=2, full_steps=True, photos=1)
    scores = {one.method: (one.steps, one.restarts, one.full) for one in run_robustness(asked).scores}
    assert scores == {"ace": (3, 1, False), "gda@0.3": (3, 2, True)}
    assert "ace, whatever the run's: 3 steps and 1 start" in (run.out / "robustness.md").read_text()
    own = open_method("colorfool-unmasked", Budget(steps=5, restarts=3, full=True)).budget
    assert (own.steps, own.restarts, own.full) == (1000, 1, False)


def test_settings_are_checked(tmp_path):
    for wrong in ({"batch": 0}, {"photos": 0}, {"methods": ()}, {"victims": ("a", "a")}, {"size_px": 8}):
        with pytest.raises(InputError, match="expected"):
            RobustnessRun(tmp_path, **wrong)
    assert asdict(RobustnessRun(tmp_path))["steps"] == 50


def test_a_metric_that_needs_more_pixels_is_refused_before_any_work(run):
    with pytest.raises(InputError, match="176"):
        run_robustness(replace(run, metrics=("psnr", "ms-ssim")))
    assert not run.out.exists()


def test_names_with_commas_are_lists():
    run = RobustnessRun(Path("data"), victims=("a,b", "c"), methods=("gda,lens",))
    assert run.victims == ("a", "b", "c") and run.methods == ("gda", "lens")
    with pytest.raises(InputError, match="each once"):
        RobustnessRun(Path("data"), victims=("a,a",))


def test_nothing_is_nearer_than_the_subject():
    side = 64
    rows = torch.linspace(0.1, 1.0, side).view(1, side, 1).expand(1, side, side)
    held = from_subject(rows, torch.full((3, side, side), 0.5))
    assert held.max() < rows.max() and torch.equal(held, rows.clamp(max=float(held.max())))


def test_the_numbering_of_classes_is_said_or_refused(run):
    assert "Classes are numbered by the folders' own numbers, from 0." in _report(run)
    for number, folder in enumerate(sorted(run.data.iterdir())):
        folder.rename(run.data / f"{'abcde'[number]} things")
    again = replace(run, out=run.out.with_name("sorted"))
    assert "Classes are numbered by the folders in sorted order." in _report(again)
    next(run.data.glob("*/0.png")).parent.rename(run.data / "n02123045")
    ids = replace(run, out=run.out.with_name("ids"), victims=("grid",))
    with pytest.raises(FileError, match=r"among 2 classes .* try classes\.json"):
        run_robustness(ids)
    assert not ids.out.exists()


def _report(run):
    found = run_robustness(replace(run, methods=("aif",), victims=("tiny",)))
    assert json.loads((run.out / "robustness.json").read_text())["numbering"] == found.numbering
    assert found.clean["tiny"].value == 1
    return (run.out / "robustness.md").read_text() and (run.out / "robustness.html").read_text().replace(
        "&#39;", "'"
    )


def test_a_table_of_other_columns(run, capsys):
    photos = sorted(run.data.glob("*/*.png"))
    lines = [f"{path.relative_to(run.data)},{int(path.parent.name) + 1}" for path in photos]
    (run.data / "mine.csv").write_text("\n".join(["photo,kind", *lines]))
    one = replace(run, methods=("aif",), victims=("tiny",))
    named = replace(one, file_column="photo", label_column="kind", first_class=1)
    found = run_robustness(named)
    assert found.photos == 5 and found.clean["tiny"].value == 1
    assert found.numbering == "'kind' in mine.csv, counted from 1"
    with pytest.raises(FileError, match="try --file-column and --label-column"):
        run_robustness(replace(one, out=run.out.with_name("other")))
    with pytest.raises(InputError, match="got one of them"):
        replace(one, file_column="photo")
    with pytest.raises(InputError, match="for first_class 1, got not both"):
        run_robustness(replace(one, first_class=1, out=run.out.with_name("another")))


def test_labels_that_are_off_by_one_leave_the_folder_free(run, tmp_path):
    data = labelled(tmp_path / "more", count=16)
    for folder in sorted(data.iterdir(), reverse=True):
        folder.rename(data / str(int(folder.name) + 1))
    wrong = replace(run, data=data, methods=("aif",), victims=("tiny",), batch=8)
    with pytest.raises(InputError, match=r"1-based .* try --first-class 1"):
        run_robustness(wrong)
    found = run_robustness(replace(wrong, first_class=1))
    assert found.photos == 16 and found.clean["tiny"].value == 1
    assert found.numbering == "the folders' own numbers, from 1"
    with pytest.raises(InputError, match="first_class 0 or 1"):
        replace(run, first_class=2)


def test_victims_in_training_mode_are_flagged(run, monkeypatch):
    class Training(torch.nn.Module):
        about, classes = "none", 5

        def __init__(self):
            super().__init__()
            self.body = open_tiny("tiny")

        def forward(self, x):
            return self.body(x)

    monkeypatch.setattr(sources, "open_victim", lambda *args, **where: Training())
    with pytest.warns(CocnetWarning, match="in training mode"):
        found = run_robustness(replace(run, methods=("gda@0.3",), victims=("tiny",)))
    assert any("training mode" in flag for flag in found.flags["tiny"])


def test_the_lens_keeps_to_its_bounds(run):
    bounded = replace(
        run, methods=("lens", "random-lens"), victims=("tiny",), lens_stops=0.5, lens_dioptres=0.1
    )
    run_robustness(bounded)
    for method in bounded.methods:
        for path in (run.out / "attacks" / "tiny" / method).glob("*.safetensors"):
            focus, f_number, focal_m = load_file(path)["camera"].unbind(1)
            assert ((focus - 1).abs() <= 0.1 + 1e-5).all() and torch.allclose(focal_m, torch.tensor(0.075))
            assert ((f_number / 2.8).log2().abs() <= 0.25 + 1e-5).all()
    said = "a focus of 0.909 m to 1.11 m, f/2.35 to f/3.33 and 75 mm to 75 mm"
    assert said in (run.out / "robustness.md").read_text()


@pytest.mark.parametrize("name", ["gda@0.3", "pgd-rgb@0.3", "random@0.3"])
def test_an_attack_reckons_with_the_way_to_the_victim(name):
    """It goes on until the rounded picture fools, too: a victim that only sees rounding is beaten in the file."""
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    depth = torch.linspace(0, 1, 32).view(1, 1, 32, 1).expand(2, 1, 32, 32).contiguous()
    victim, render = open_tiny("tiny"), NearnessView(Physical())
    label = victim(render(image, depth)).argmax(1)
    asked = []

    def watched(x):
        asked.append(x)
        return victim(x)

    method = open_method(f"{name}:eot=png+resize", Budget(steps=2))
    found = method(render, watched, image, depth, label)
    assert torch.equal(found.success, found.prediction != label) and (found.queries % 3 == 0).all()
    whole = [torch.equal(x, (x * 255).round() / 255) for x in asked[:3]]
    assert whole == [False, True, False] and not torch.equal(asked[2], asked[0])
    both = open_method(f"{name}:with=tiny2", Budget(steps=2))(
        render, victim, image, depth, label, [open_tiny("tiny2")]
    )
    assert (both.queries % 2 == 0).all() and torch.equal(both.prediction, victim(both.image).argmax(1))


def test_an_ensemble_is_seen_by_who_was_left_out(run):
    """Victims behind with= are attacked beside the row's own; the run's others, and they, look on."""
    run = replace(run, methods=("gda@0.3", "gda@0.3:with=tiny2", "gda@0.3:with=tiny333"), photos=3)
    found = run_robustness(run)
    tables = {one.method: one for one in found.matrices}
    assert set(tables) == set(run.methods) and set(tables["gda@0.3:with=tiny333"].fooled["tiny"]) == set(
        run.victims
    )
    folder, both = run.out / "attacks", own("gda@0.3:with=tiny2")
    alone, beside = (
        load_file(folder / "tiny2" / name / "0000.safetensors")["depth"] for name in ("gda@0.3", both)
    )
    assert torch.equal(alone, beside)
    joint = load_file(folder / "tiny" / both / "0000.safetensors")["depth"]
    assert not torch.equal(joint, load_file(folder / "tiny" / "gda@0.3" / "0000.safetensors")["depth"])
    assert {(pair.first, pair.second) for pair in found.pairs} >= {("gda@0.3", "gda@0.3:with=tiny2")}
    assert not found.epsilon_sweeps and not found.effort_sweeps
    with pytest.raises(InputError, match="got 'nobody'"):
        run_robustness(replace(run, methods=("gda:with=nobody",)))
