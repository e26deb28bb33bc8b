"""`cocnet models`: the table and its JSON."""

import json

import torch

from cocnet import create_model, list_models
from cocnet.networks import checkpoint_info
from cocnet.networks.zoo.published import MAPPINGS


def test_the_table_has_a_line_for_every_network(run):
    outcome = run("models")
    head, *lines = outcome.out.splitlines()
    assert outcome.code == 0 and head.split()[:4] == ["model", "task", "conditioning", "parameters"]
    assert [line.split()[0] for line in lines] == [card.name for card in list_models()]
    line = next(line for line in lines if line.startswith("pynet "))
    for cell in ("depth", "47.55 M", "64 px", "none", "2020", "Rendering Natural Camera Bokeh"):
        assert cell in line


def test_the_same_as_json(run):
    outcome = run("models", "--json")
    rows = {row["name"]: row for row in json.loads(outcome.out)}
    assert outcome.code == 0 and sorted(rows) == [card.name for card in list_models()]
    dmshn = rows["dmshn"]
    assert dmshn["parameters"] == 5_424_393 and dmshn["published_parameters"] == 5.42
    assert dmshn["weights_shipped"] is False and dmshn["conditioning"] == "none" and dmshn["paper"]


def test_published_weights_become_a_weight_file(run, tmp_path):
    torch.manual_seed(0)
    state = create_model("ifan").state_dict()
    torch.save({MAPPINGS["ifan"].their_name(k): v for k, v in state.items()}, tmp_path / "theirs.pth")
    out = tmp_path / "ours.safetensors"
    outcome = run("convert", "ifan", tmp_path / "theirs.pth", "-o", out)
    assert outcome.code == 0 and "ifan, 41.9 MB" in outcome.out
    assert checkpoint_info(out).arguments == {"published_filtering": True}
    failed = run("convert", "ifan", out, "-o", tmp_path / "again.safetensors")
    assert failed.code == 1 and len(failed.errors) == 1 and not (tmp_path / "again.safetensors").exists()
