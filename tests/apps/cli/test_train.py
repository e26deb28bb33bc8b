"""`cocnet train subject` on four small photos: one step, settings, log and weights that load."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet.depth import subject_mask
from cocnet.depth.network_view import WEIGHTS, load_network
from cocnet.errors import CocnetWarning
from cocnet.imaging import write_photo
from cocnet.networks import card_of
from cocnet.training.recipes.bokeh_recipes import RECIPES
from cocnet.training.runs.subject_run import SubjectRun, read_sets, run_subject
from tests.onnx_files import brightness_network


def test_what_can_be_trained_is_listed(run):
    listed = run("train")
    assert listed.code == 0 and all(name in listed.out for name in ("subject", "ablation", *RECIPES))
    other = run("train", "hybird")
    assert (
        other.code == 2 and "expected something to train, got 'hybird'" in other.err and "hybrid" in other.err
    )


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_know_what_their_networks_see(name, run):
    named = RECIPES[name]
    assert card_of(named.model).conditioning == ("none" if named.sees == "photo" else named.sees)
    shown = run("train", name, "--help").out
    assert ("--depths" in shown.split("torchrun")[0]) == (named.sees == "depth")


def drawn_photos(folder):
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for i in range(4):
        mask = np.zeros((40, 60, 3), np.uint8)
        mask[10:30, 10 + 5 * i : 30 + 5 * i] = 255
        write_photo(folder / "images" / f"{i}.jpg", 40 + mask // 2)
        write_photo(folder / "masks" / f"{i}.png", mask)


def test_one_step_and_going_on(files, run):
    drawn_photos(files.folder)
    out = files.folder / "run"
    arguments: tuple[object, ...] = ("--images", files.folder / "images", "--masks", files.folder / "masks")
    arguments += ("-o", out)
    arguments += (
        "--steps",
        1,
        "--batch",
        2,
        "--sides-px",
        32,
        "--held-out",
        1,
        "--threads",
        torch.get_num_threads(),
    )
    for _ in range(2):
        outcome = run("train", "subject", *arguments)
        assert outcome.code == 0 and "IoU" in outcome.out, outcome.err
    settings = json.loads((out / "settings.json").read_text())
    assert settings["recipe"]["stages"][0]["batch"] == 2 and len(settings["held_out_names"]) == 1
    assert len((out / "log.jsonl").read_text().splitlines()) == 2
    mask = subject_mask(np.zeros((20, 30, 3), np.uint8), load_network(out / "depth_subject.safetensors"))
    assert mask.shape == (20, 30)


@pytest.mark.parametrize("frozen", [False, True])
def test_depthwise_kernels_move_unless_frozen(files, frozen):
    drawn_photos(files.folder)
    folders, out = (files.folder / "images",), files.folder / "run"
    masks, disparities = (files.folder / "masks",), files.folder / "disparity"
    disparities.mkdir()
    for path in masks[0].iterdir():
        Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60)).save(disparities / path.name)
    settings = {"steps": 1, "batch": 2, "sides_px": (32,), "held_out": 1, "bfloat16": False}
    run_subject(SubjectRun(folders, masks, (disparities,), out, frozen_depthwise=frozen, **settings))
    before, after = (load_network(path).state_dict() for path in (WEIGHTS, out / "depth_subject.safetensors"))
    moved = [bool((before[name] != after[name]).any()) for name in before if "stages.4.0.depthwise" in name]
    assert moved and any(moved) != frozen


def test_a_teacher_says_what_no_file_does(files, run):
    """A teacher that the built-in network is nothing like moves the disparity of photos without files."""
    drawn_photos(files.folder)
    teacher = brightness_network(files.folder / "teacher.onnx")
    given = ["train", "subject", "--images", files.folder / "images", "--masks", files.folder / "masks"]
    given += ["--steps", 2, "--batch", 2, "--sides-px", 32, "--held-out", 1, "--no-bfloat16"]
    for name, more in (("with", ["--disparity-teacher", teacher]), ("without", [])):
        outcome = run(*given, *more, "-o", files.folder / name)
        assert outcome.code == 0, outcome.err
    one, other = (load_network(files.folder / n / "depth_subject.safetensors") for n in ("with", "without"))
    assert not torch.equal(one.depth.head.weight, other.depth.head.weight)
    outcome = run(*given, "--disparity-teacher", files.folder / "none.onnx", "-o", files.folder / "none")
    assert outcome.code == 1 and "as ONNX" in outcome.errors[0] and len(outcome.errors) == 1
    assert not (files.folder / "none").exists()


def test_wrong_numbers_are_one_line(files, run):
    outcome = run("train", "subject", "--images", files.folder, "--masks", files.folder, "--sides-px", 100)
    assert outcome.code == 1 and "multiples of 32" in outcome.errors[0]
    outcome = run("train", "subject", "--images", files.folder, "--masks", files.folder, "--encoder-share", 2)
    assert outcome.code == 1 and "encoder_share in 0..1" in outcome.errors[0]
    for what in ("less", "deblur", "subject"):
        outcome = run("train", what, "--images", files.folder, "--masks", files.folder, "--threads", 0)
        assert outcome.code == 1 and "threads from 1" in outcome.errors[0] and len(outcome.errors) == 1
    outcome = run("train", "subject", "--images", files.folder, "--masks", files.folder, "--dropout", 1)
    assert outcome.code == 1 and "dropout in 0..1" in outcome.errors[0]
    outcome = run("train", "subject", "--images", files.folder, "--masks", files.folder)
    assert outcome.code == 1 and "got none" in outcome.errors[0]
    outcome = run("train", "subject", "--images", files.folder, files.folder, "--masks", files.folder)
    assert outcome.code == 1 and "got 2 and 1" in outcome.errors[0]


@pytest.mark.parametrize(
    ("option", "word"),
    [("--recipe.log-steps", "intervals from 1 step"), ("--recipe.stages.0.batch", "at least one step")],
)
def test_a_recipe_that_cannot_be_is_one_line(run, option, word):
    outcome = run("train", "hybrid", "--images", "a", "--masks", "b", option, 0)
    assert outcome.code == 2 and len(outcome.errors) == 1 and word in outcome.errors[0]


def test_masks_of_another_size_are_named_or_left_out(files, run):
    drawn_photos(files.folder)
    write_photo(files.folder / "masks" / "2.png", np.zeros((20, 20, 3), np.uint8))
    given = ["train", "subject", "--images", files.folder / "images", "--masks", files.folder / "masks"]
    stopped = run(*given, "-o", files.folder / "run")
    assert stopped.code == 1 and "2 (photo 60 × 40, mask 20 × 20)" in stopped.err
    assert "--skip-problems" in stopped.err and not (files.folder / "run").exists()
    folders = (files.folder / "images",), (files.folder / "masks",)
    with pytest.warns(CocnetWarning, match="left out 1"):
        photos, held_out = read_sets(SubjectRun(*folders, held_out=1, skip_problems=True))
    assert len(photos) == 2 and len(held_out) == 1


def test_photos_are_held_out_of_the_first_folder_and_views_of_them_of_others(files):
    for folder, names in (("first", "abcd"), ("more", "abcdef")):
        (files.folder / folder).mkdir()
        for name in names:
            write_photo(files.folder / folder / f"{name}.png", np.full((8, 8, 3), 90, np.uint8))
    folders = (files.folder / "first", files.folder / "more")
    photos, held_out = read_sets(SubjectRun(folders, folders, held_out=2))
    assert photos.names == (*photos.names[:2], *photos.names[:2], "e", "f")
    assert len(held_out) == 2 and set(held_out.names) | set(photos.names[:2]) == set("abcd")
