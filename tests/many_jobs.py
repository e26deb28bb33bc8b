"""Functions that other processes run."""

import os
import time
from pathlib import Path

from cocnet.errors import InputError
from cocnet.files.many import one_by_one


def squared(batch):
    return one_by_one(_square, batch)


def _square(item):
    if item["value"] < 0:
        raise InputError("expected a number from 0, got less, try 1")
    with Path(item["log"]).open("a") as file:
        file.write(f"{item['value']}\n")
    return {"square": item["value"] ** 2}


def dies_once(batch):
    """The process is killed at number 3, the first time."""
    for item in batch:
        mark = Path(item["log"] + ".died")
        if item["value"] == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)
    return squared(batch)


def slowly(batch):
    time.sleep(0.5)
    return squared(batch)
