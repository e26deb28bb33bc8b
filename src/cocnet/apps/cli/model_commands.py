"""`cocnet models`, `export`, `convert`: which networks there are, networks for other runtimes, of other makers.

Enters: names or weight files. Leaves: a table or JSON on stdout, an ONNX file, a weight file.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from tyro.conf import Positional, arg

from cocnet.apps.cli.say import print_json
from cocnet.errors import CocnetError


def models(json: bool = False) -> None:
    """List the networks that render bokeh or deblur.

    For each: what it takes beside the photo, its number of parameters and the published one, the multiple of px to
    which it pads pictures inside, whether trained weights ship, year and paper:
      cocnet models
      cocnet models --json

    Args:
        json: Print one JSON array on standard output, with papers, licences and notes in full.
    """
    from cocnet.networks import catalogue

    rows = catalogue()
    if json:
        print_json(rows)
        return
    columns = (
        "model",
        "task",
        "conditioning",
        "parameters",
        "published",
        "multiple",
        "weights",
        "year",
        "paper",
    )
    _print_table([columns, *(_model_row(row) for row in rows)])


def _model_row(facts: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table; parameters in millions, the multiple in px."""
    counted, published = facts["parameters"], facts["published_parameters"]
    return (
        facts["name"],
        facts["task"],
        facts["conditioning"],
        "extra missing" if counted is None else f"{counted / 1e6:.2f} M",
        "-" if published is None else f"{published:.2f} M",
        f"{facts['size_multiple']} px",
        "shipped" if facts["weights_shipped"] else "none",
        str(facts["year"]),
        facts["paper"],
    )


def export(
    model: Annotated[Positional[str], arg(metavar="MODEL")],
    out: Annotated[Positional[Path], arg(metavar="OUT")],
    /,
    int8: bool = False,
    random_weights: bool = False,
) -> None:
    """Write a network as ONNX, and check it against PyTorch.

    A weight file of your own, or a network that ships:
      cocnet export my-network.safetensors my-network.onnx
      cocnet export cocnet-b3-less b3-less.onnx

    The ONNX file takes any height and width: `image` [1 3 h w], sRGB in 0..1; for networks that take depth, `depth`
    [1 1 h w], nearness in 0..1; for those that take a lens, `depth` is the signed radius of the circle of confusion
    in px (above 0 behind the focus) divided by 32; for cocnet-hybrid also `physical` [1 3 h w], the physical
    renderer's picture.

    Args:
        model: Weight file, or a name of `cocnet models`.
        out: ONNX file to write.
        int8: Quantise convolutions to 8 bit, which is smaller and on many processors faster; prints the loss in dB.
        random_weights: Export an untrained network, to measure the speed of one whose weights don't ship.
    """
    from cocnet.files.atomic import check_output
    from cocnet.networks import (
        create_model,
        export_onnx,
        list_models,
        load_model,
        quantise_onnx,
        shipped_weights,
    )

    check_output(out, model if Path(model).is_file() else None)
    known = model in [card.name for card in list_models()]
    if known and not random_weights and shipped_weights(model) is None:
        raise CocnetError(
            f"expected weights that ship with '{model}', got none, try a weight file, or --random-weights for speed"
        )
    network = create_model(model) if random_weights else load_model(model)
    if not int8:
        worst = export_onnx(network, out)
        print(f"{out}: {network.name}, {out.stat().st_size / 1e6:.1f} MB, within {worst:.1e} of PyTorch")
        return
    with TemporaryDirectory() as folder:
        exact = Path(folder) / "float32.onnx"
        export_onnx(network, exact)
        psnr = quantise_onnx(exact, out)
    print(f"{out}: {network.name}, {out.stat().st_size / 1e6:.1f} MB, 8 bit: {psnr:.1f} dB PSNR to float32")


def convert(
    name: Annotated[Positional[str], arg(metavar="NAME")],
    weights: Annotated[Positional[Path], arg(metavar="FILE")],
    /,
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
) -> None:
    """Convert weights published by a network's authors to a weight file of cocnet.

    From PyTorch's format, then measured:
      cocnet convert ifan IFAN.pth -o ifan.safetensors
      cocnet convert dmshn dmshn.pth
      cocnet evaluate --model dmshn.safetensors --data EBB/train

    PyNET's weights are a TensorFlow checkpoint. Where TensorFlow is installed, this turns it into .npz:
      python -c "import numpy, tensorflow as tf; p = 'pynet_bokeh_level_0'; numpy.savez('pynet.npz',
        **{n: tf.train.load_variable(p, n) for n, _ in tf.train.list_variables(p)})"
      cocnet convert pynet pynet.npz

    A classifier's, to attack it:
      cocnet convert mobilenet_v2 mobilenet_v2-b0353104.pth -o mobile.safetensors
      cocnet evaluate robustness --data NIPS2017 --victims mobilenet_v2=mobile.safetensors

    No code in the file is run: it may hold tensors and nothing else.

    Args:
        name: Name of the network: brvit, dmshn, dmshn-stacked, ifan, mpfnet or pynet, or of a classifier that
            `cocnet attack --victim` takes.
        weights: Published weight file: .pth or .safetensors, or, but for classifiers, .npz.
        out: Weight file to write, with a model card beside it (default: NAME.safetensors in the current folder).
    """
    from cocnet.files.atomic import check_output
    from cocnet.networks.zoo.published import MAPPINGS
    from cocnet.networks.zoo.published import convert as convert_weights

    target = out or Path(f"{name}.safetensors")
    check_output(target, weights)
    if name not in MAPPINGS:
        from cocnet.attacks.convert_victim import convert_victim, is_victim

        convert_weights = convert_victim if is_victim(name) else convert_weights
    written = convert_weights(name, weights, target)
    print(f"{written}: {name}, {written.stat().st_size / 1e6:.1f} MB, card in {written.with_suffix('.md')}")


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
