"""Options are held to their types when they are made, whoever makes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from cocnet.choices import check_choices
from cocnet.errors import InputError


@dataclass(frozen=True)
class Options:
    number: float | None = None
    count: int = 0
    flag: bool = False
    name: str = "a"
    way: Literal["on", "off"] = "on"
    pair: tuple[float, float] | Literal["auto"] = "auto"

    def __post_init__(self):
        check_choices(self)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"number": "2.8"}, r"expected number as a finite number, got '2.8' \(str\), try 2.8"),
        ({"number": float("nan")}, "got nan"),
        ({"number": True}, "number"),
        ({"number": [1]}, r"got \[1\] \(list\), try a plain number"),
        ({"count": 1.5}, "count as a whole number"),
        ({"count": None}, "got None"),
        ({"flag": 1}, "flag as True or False"),
        ({"flag": "no"}, "flag"),
        ({"name": 3}, "name as a text"),
        ({"way": "ON"}, "expected way as on or off, got 'ON'"),
        ({"way": True}, "way"),
        ({"way": ["on"]}, "way"),
        ({"pair": "none"}, "pair as 2 numbers or auto"),
        ({"pair": (1, 2, 3)}, "pair"),
        ({"pair": (1, "2")}, "pair"),
        ({"pair": (1, np.inf)}, "pair"),
        ({"name": "x\n" * 100, "count": "y\n" * 100}, "…"),
    ],
)
def test_one_line_names_the_option(given, told):
    with pytest.raises(InputError, match=told) as caught:
        Options(**given)
    assert "\n" not in str(caught.value)


def test_numpys_numbers_lists_and_paths_become_plain():
    made = Options(np.float32(1.5), np.int64(3), np.bool_(True), Path("b"), "off", [1, np.float64(2)])
    assert made == Options(1.5, 3, True, "b", "off", (1.0, 2.0))
    assert [type(x) for x in (made.number, made.count, made.flag, made.name)] == [float, int, bool, str]
