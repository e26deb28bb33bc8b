"""What BRViT's published weights, named as DPT-Hybrid's, call the tensors of `architectures.brvit`.

Enters: a name here. Leaves: the name there.
"""

from cocnet.networks.zoo.published.mapping import PublishedNames

_CONVS = {
    "out": "out_conv",
    "first.first": "resConfUnit1.conv1",
    "first.second": "resConfUnit1.conv2",
    "second.first": "resConfUnit2.conv1",
    "second.second": "resConfUnit2.conv2",
}
_NAMES = {
    "backbone": "pretrained.model",
    "read_outs.0": "pretrained.act_postprocess3.0",
    "read_outs.1": "pretrained.act_postprocess4.0",
    "reassemble.0": "pretrained.act_postprocess3.3",
    "reassemble.1.0": "pretrained.act_postprocess4.3",
    "reassemble.1.1": "pretrained.act_postprocess4.4",
    **{f"narrow.{i}": f"scratch.layer{i + 1}_rn" for i in range(4)},
    **{f"head.{i}": f"scratch.output_conv.{2 * i}" for i in range(3)},
    **{
        f"fusions.{i}.{here}": f"scratch.refinenet{i + 1}.{there}"
        for i in range(4)
        for here, there in _CONVS.items()
    },
}


def of_brvit(ours: str) -> str:
    """The published name of a tensor."""
    start = next(start for start in _NAMES if ours.startswith(f"{start}."))
    return _NAMES[start] + ours.removeprefix(start)


BRVIT = PublishedNames(of_brvit, origin="the authors' weights of BRViT, trained on EBB!'s training pairs")
