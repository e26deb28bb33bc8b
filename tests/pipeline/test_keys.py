"""Keys of focus and aperture: order, ends, and what is between."""

import pytest

from cocnet.errors import InputError
from cocnet.pipeline.keys import between, f_number_at, read_aperture_keys, read_focus_keys


def test_keys_are_read_in_order_of_time():
    first, second = read_focus_keys(["2.5:0.7,0.5", "0:0.3,0.6"])
    assert (first.second, first.x, first.y) == (0, 0.3, 0.6)
    assert (second.second, second.x, second.y) == (2.5, 0.7, 0.5)


def test_between_and_beyond_the_ends():
    keys = read_focus_keys(["1:0,0", "3:1,1", "4:0,1"])
    assert between(keys, 0) == (keys[0], keys[0], 0)
    assert between(keys, 1.5) == (keys[0], keys[1], 0.25)
    assert between(keys, 3) == (keys[1], keys[2], 0)
    assert between(keys, 9) == (keys[2], keys[2], 0)


def test_apertures_change_evenly_in_stops():
    keys = read_aperture_keys(["0:1", "4:4"])
    assert [f_number_at(keys, second) for second in (0, 1, 2, 4, 9)] == pytest.approx([1, 2**0.5, 2, 4, 4])


@pytest.mark.parametrize("text", ["", "1", "1:", "a:1,2", "1:1,2,3", "nan:0,0", "-1:0,0", "0:inf,0", "0:2,0"])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match="focus-keys"):
        read_focus_keys([text])
