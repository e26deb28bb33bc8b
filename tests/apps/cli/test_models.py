"""`cocnet models`: the table and its JSON."""

import json

from cocnet import list_models


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
