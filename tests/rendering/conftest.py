"""Seeds."""

import pytest
import torch


@pytest.fixture
def random():
    return torch.Generator().manual_seed(7)
