"""docs/adversarial.md is what its stored runs say, and nothing else; verdicts follow from intervals."""

import json
import math
import sys
from dataclasses import asdict, replace

import pytest
from paths import ROOT
from victims import labelled, open_tiny

from cocnet.metrics import Interval, wilson
from cocnet.robustness import sources, summary
from cocnet.robustness.claims import (
    FAILS,
    HOLDS,
    NONE,
    OPEN,
    above,
    apart,
    judge_claims,
    more,
    paper_transfer,
    survival_claims,
)
from cocnet.robustness.robustness_run import run_robustness
from cocnet.robustness.run_facts import RunFacts, pooled
from cocnet.robustness.run_settings import RobustnessRun


@pytest.fixture(scope="module")
def maker():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import adversarial_page

        yield adversarial_page
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def made(maker, tmp_path_factory):
    """A tiny run of every kind, stored."""
    root = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "open_victim", open_tiny)
        patch.setattr(summary, "DRAWS", 50)
        photos = labelled(root / "photos", count=3)
        run = RobustnessRun(photos, batch=3, steps=2, size_px=32, metrics=("psnr",), pictures=0)
        for name, settings in {
            "physical": {"victims": ("tiny", "tiny2"), "methods": ("gda", "sm-gda", "bg-gda", "ace")},
            "eot": {
                "victims": ("tiny",),
                "methods": ("gda@0.3", "gda@0.3:eot=png"),
                "transforms": ("png", "resize"),
            },
            "sweep": {"victims": ("tiny",), "methods": ("gda", "random"), "epsilons": (0.1, 0.3)},
            "ensemble": {"victims": ("tiny", "tiny2"), "methods": ("gda@0.3:with=tiny2",)},
        }.items():
            run_robustness(replace(run, out=root / "runs" / name, **settings))
    maker.take(root / "runs", root / "stored")
    return root


def test_the_page_is_what_the_stored_runs_say(maker):
    """Change the template or the runs, and make the page anew: python benchmarks/adversarial_page.py."""
    stored = maker.runs(maker.STORED)
    assert stored and maker.page(stored) == (ROOT / "docs" / "adversarial.md").read_text(encoding="utf-8")
    for path in maker.STORED.glob("*.json"):
        assert "/work" not in path.read_text(encoding="utf-8"), path


def test_parts_of_a_run_are_put_together(maker, made):
    whole = maker.runs(made / "stored")["physical"].facts
    turned = {**whole, "run": {**whole["run"], "victims": ["tiny2", "tiny"]}}
    fewer = json.loads(json.dumps(turned))
    for row in fewer["scores"]:
        if row["victim"] == "tiny":
            row["right"]["count"] = 1
    for matrix in fewer["matrices"]:
        matrix["right"]["tiny"]["tiny"]["value"] = 0.123
        matrix["right"]["tiny2"]["tiny"]["value"] = 0.456
    fewer["notes"] = ["not finished: gda on tiny has 1 of 3 photos"]
    together = maker.merged(whole, fewer)
    assert together["run"]["victims"] == ["tiny", "tiny2"] and "not finished" not in str(together["notes"])
    assert together["scores"] == whole["scores"] and together["pairs"] == whole["pairs"]
    first = together["matrices"][0]["right"]
    assert first["tiny"] == whole["matrices"][0]["right"]["tiny"] and first["tiny2"]["tiny"]["value"] == 0.456
    other = {**fewer, "run": {**fewer["run"], "steps": 3}}
    assert maker.merged(whole, other) == other


def test_a_page_of_tiny_runs(maker, made):
    text = maker.page(maker.runs(made / "stored"))
    facts = RunFacts(maker.runs(made / "stored")["physical"].facts)
    right = facts.share("tiny2", "sm-gda", "right_saved")
    row = next(line for line in text.split("**tiny2**")[1].splitlines() if line.startswith("| sm-gda"))
    assert f"| {100 * right.value:.0f} [{100 * right.low:.0f}, {100 * right.high:.0f}] of 3 |" in row
    assert "cocnet evaluate robustness --data NIPS2017 --methods gda@0.3 gda@0.3:eot=png" in text
    assert "--size-px 32 --steps 2 --victims tiny --transforms png resize -o runs/eot" in text
    assert "| gda@0.3:eot=png |" in text and "holds" in text
    assert "| gda@0.3:with=tiny2 | tiny2 | tiny |" in text
    assert "| gda@0.3:with=tiny2 | tiny | tiny2 |" not in text
    maker.draw(maker.runs(made / "stored"), made / "pictures")
    assert {path.name for path in (made / "pictures").iterdir()} == {
        "adversarial-epsilon.png",
        "adversarial-survival.png",
    }
    stored = (made / "stored" / "eot.json").read_text(encoding="utf-8")
    assert str(made) not in stored


def test_a_part_of_a_run_is_told_as_such(maker, made):
    stored = maker.runs(made / "stored")["physical"]
    assert maker.adversarial_tables.state(stored) == "finished"
    facts = dict(stored.facts, notes=["not finished: ace on tiny2 has 0 of 3 photos"])
    facts["scores"] = [one for one in facts["scores"] if (one["victim"], one["method"]) != ("tiny2", "ace")]
    said = maker.adversarial_tables.state(RunFacts(facts))
    assert said == "a part; attacked so far: tiny 3 photos, tiny2 0 to 3 of 3 photos"


def test_a_page_without_runs_says_so(maker, tmp_path):
    text = maker.page(maker.runs(tmp_path))
    assert "No run is stored." in text and "Nothing can be told" in text


def test_every_claim_has_a_verdict(maker, made):
    claims = {
        one.text.split(" ")[0] + one.text[-12:]: one
        for one in judge_claims(maker.runs(made / "stored")["physical"])
    }
    assert len(claims) == 9
    assert all(one.cases for one in claims.values() if not one.text.startswith("An optimised"))
    none = next(one for one in claims.values() if one.text.startswith("An optimised"))
    assert none.verdict == NONE
    below = next(one for one in claims.values() if "below 10 %" in one.text)
    assert len(below.cases) == 6 and {case.verdict for case in below.cases} <= {HOLDS, FAILS, OPEN}


def test_few_pictures_that_differ_say_little(maker, made):
    run = maker.runs(made / "stored")["physical"].facts
    for count, told in ((2, True), (1, False)):
        facts = json.loads(json.dumps(run))
        for row in facts["scores"]:
            row["right"]["count"], row["to_natural"]["psnr"] = 3, asdict(Interval(50.0, 49.0, 51.0, count))
        found = RunFacts(facts).psnr_db("tiny", "gda")
        assert found.value == 50.0 and math.isfinite(found.low) == told
        assert above(found, 40.0) == (HOLDS if told else OPEN)


def test_pairs_of_classifiers_are_of_the_same_photos():
    assert pooled([wilson(10, 20)] * 12) == wilson(10, 20)
    assert pooled([wilson(0, 20), wilson(5, 10)]) == wilson(3, 20)


def test_what_survives_and_who_knew_of_it(maker, made):
    run = maker.runs(made / "stored")["eot"].facts

    def facts(plain, knowing):
        rows = [
            {
                "victim": "tiny",
                "method": name,
                "transform": "resize",
                "natural": asdict(wilson(20, 20)),
                "fooled": asdict(share),
                "still": asdict(share),
            }
            for name, share in (("gda@0.3", plain), ("gda@0.3:eot=resize", knowing))
        ]
        methods = ["gda@0.3", "gda@0.3:eot=resize"]
        return RunFacts(run | {"survival": rows, "run": run["run"] | {"methods": methods}})

    left, knew = survival_claims(facts(wilson(0, 20), wilson(18, 20)))
    assert (
        left.verdict
        == f"in part: {HOLDS} for gda@0.3:eot=resize after resize; {FAILS} for gda@0.3 after resize"
    )
    assert knew.verdict == HOLDS and [case.of for case in knew.cases] == ["gda@0.3 after resize"]
    left, knew = survival_claims(facts(wilson(2, 4), wilson(3, 4)))
    assert left.verdict == NONE and knew.verdict == OPEN


@pytest.mark.parametrize(
    ("share", "verdict"), [(wilson(0, 100), FAILS), (wilson(100, 100), HOLDS), (wilson(1, 10), OPEN)]
)
def test_an_interval_on_one_side_is_a_verdict(share, verdict):
    assert above(share, 0.1) == verdict


def test_verdicts_by_pairs():
    assert more(9, 0, 0.01) == HOLDS and more(0, 9, 0.01) == FAILS and more(9, 3, 0.2) == OPEN
    low, high = Interval(1, 0.9, 1.1, 9), Interval(2, 1.2, 2.2, 9)
    assert apart(high, low) == HOLDS and apart(low, high) == FAILS and apart(low, low) == OPEN


def test_the_paper_s_transfer():
    assert {name: round(share, 3) for name, share in paper_transfer().items()} == {
        "gda": 0.137,
        "sm-gda": 0.098,
        "bg-gda": 0.153,
    }
