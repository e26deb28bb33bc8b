"""How likely a channel is depth: the order of preference, pair by pair."""

import warnings
from pathlib import Path

import pytest

from cocnet.errors import CocnetWarning, DepthError
from cocnet.imaging.depth.exr_channels import choose_channel

COLOUR = ["B", "G", "R"]
PATH = Path("a.exr")
ORDER = [  # channels alone in a part, best first: each is chosen before all that come behind it
    ("depth", ["Z"]),
    ("", ["Z"]),
    ("", ["mist.Z"]),
    ("", ["V"]),
    ("", COLOUR),
]


def chosen(*parts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return choose_channel(parts, None, PATH)


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_each_is_chosen_before_those_that_come_behind_it(first):
    for second in range(first + 1, len(ORDER)):
        for parts in ((ORDER[first], ORDER[second]), (ORDER[second], ORDER[first])):
            assert chosen(*parts).part == parts.index(ORDER[first])


@pytest.mark.parametrize("channel", ["depth", "Depth.V", "Depth.Y", "x.depth.R", "depthZ", "A.Depth.Z"])
def test_depth_by_name_is_as_good_as_any(channel):
    """It is chosen before a plain Z, and beside another one of its rank the choice is told."""
    assert chosen(("", ["Z", channel])).channel == channel
    assert chosen(("", [channel, "Z"])).channel == channel
    with pytest.warns(CocnetWarning, match=f"2 channels of depth .{channel}, depth.K"):
        assert choose_channel([("", [channel, "depth.K.depth"])], None, PATH).channel == channel


def test_grey_stored_as_colour_must_be_equal():
    assert chosen(("", COLOUR)).alike == ("B", "G")
    assert chosen(("", [*COLOUR, "A"])).channel == "R"
    assert chosen(("", [*COLOUR, "Depth.B", "Depth.G", "Depth.R"])).alike == ("Depth.B", "Depth.G")
    assert chosen(("", ["Depth.R", "Depth.G", "Depth.B", "Z"])).channel == "Depth.R"
    assert chosen(("a", COLOUR), ("b", COLOUR)).part == 0  # said when their pixels differ, not here


@pytest.mark.parametrize(
    "channels", [["X", "Y", "Z"], ["n.X", "n.Y", "n.Z"], ["R", "G"], ["Y", "BY", "RY"], ["a.V", "b.V"], ["A"]]
)
def test_vectors_and_parts_of_colour_are_no_depth(channels):
    with pytest.raises(DepthError):
        chosen(("", channels))


@pytest.mark.parametrize("channels", [["Z", "X"], ["Y", "Z"], ["V", "A"], ["Y"], ["R", "A"], ["g.R", "A"]])
def test_one_axis_is_no_vector_and_opacity_is_no_colour(channels):
    assert chosen(("", channels)).channel in ("Z", "V", "Y", "R", "g.R")


def test_exact_spelling_goes_before_any_case():
    parts = [("l", ["z", "Z"]), ("r", ["Z"])]
    for wanted, part, channel in (("z", 0, "z"), ("Z", 0, "Z"), ("r.Z", 1, "Z"), ("R.z", 1, "Z")):
        place = choose_channel(parts, wanted, PATH)
        assert (place.part, place.channel) == (part, channel)


def test_twenty_names_are_listed_and_the_rest_counted():
    for count, more in ((20, False), (21, True), (30, True)):
        with pytest.raises(DepthError) as caught:
            chosen(("", [f"q{i:02}" for i in range(count)]))
        assert (f"and {count - 20} more" in str(caught.value)) == more
        assert "q19" in str(caught.value) and "q20" not in str(caught.value)
