"""Precision switches: off within, afterwards as found, whichever interface set them. Memory that is kept."""

import ctypes
import os
import subprocess
import sys

import pytest

from cocnet.compute import check_device
from cocnet.errors import InputError

SCRIPT = """
import torch
from cocnet.compute import strict_float32

b = torch.backends
ABOVE = [b, b.cudnn, b.mkldnn]
BELOW = [b.cuda.matmul, b.cudnn.conv, b.cudnn.rnn, b.mkldnn.matmul, b.mkldnn.conv, b.mkldnn.rnn]

def reading(read):
    try:
        return read()
    except RuntimeError:
        return "mixed"

def state():
    old = (torch.get_float32_matmul_precision, lambda: b.cuda.matmul.allow_tf32, lambda: b.cudnn.allow_tf32)
    return [reading(read) for read in old] + [one.fp32_precision for one in ABOVE + BELOW]

def scenario(name, change):
    change()
    before = state()
    try:
        with strict_float32(torch.device("cpu")):
            inside = [one.fp32_precision for one in BELOW]
            with strict_float32(torch.device("cpu")):
                pass
            raise KeyError
    except KeyError:
        pass
    assert state() == before, (name, before, state())
    assert set(inside) == {"ieee"}, (name, inside)

def inherits():
    b.fp32_precision = "ieee"
    assert b.mkldnn.conv.fp32_precision == "ieee", "what was inherited was written down"
    b.fp32_precision = "tf32"

scenario("untouched", lambda: None)
scenario("old interface", lambda: setattr(b.cuda.matmul, "allow_tf32", True))
scenario("medium", lambda: torch.set_float32_matmul_precision("medium"))
x = torch.rand(64, 64)
with strict_float32(x.device):
    assert torch.equal(x @ x, x.clone() @ x)
    assert torch.allclose(x @ x, (x.double() @ x.double()).float(), rtol=1e-5)
scenario("old interface, off", lambda: setattr(b.cudnn, "allow_tf32", False))
scenario("new interface, all", lambda: setattr(b, "fp32_precision", "tf32"))
inherits()
scenario("new interface, one", lambda: setattr(b.cuda.matmul, "fp32_precision", "ieee"))
scenario("mixed", lambda: setattr(b.cuda.matmul, "fp32_precision", "tf32"))
scenario("cudnn", lambda: setattr(b.cudnn, "fp32_precision", "ieee"))
print("all")
"""


def test_switches_are_put_back_as_found():
    """In a process of its own: they are global, and mixing the interfaces can't be undone."""
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert found.stdout == "all\n", found.stderr[-1500:]


KEPT = """
import resource, numpy
from cocnet.compute import keep_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        numpy.ones(9_000_000, numpy.float32)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

fresh = faults()
keep_memory()
faults()
print(fresh, faults())
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library can't be told to keep memory"
)
def test_memory_that_is_kept_needs_no_new_pages():
    plain = {"NUMPY_MADVISE_HUGEPAGE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", KEPT], capture_output=True, text=True, check=True, env=os.environ | plain
    )
    fresh, kept = map(int, done.stdout.split())
    assert kept < fresh / 10


@pytest.mark.parametrize("device", ["meta", "hpu", "privateuseone", "cuda:77", "gpu"])
def test_devices_that_compute_nothing_here_are_refused(device):
    told = f"expected a device that is there, got '{device}'"
    with pytest.raises(InputError, match=rf"{told}( \(.*\), try cpu|, try cpu or cuda)$"):
        check_device(device)
