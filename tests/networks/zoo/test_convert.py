"""Published weights: what their own network, written here from its description, says, ours says after conversion."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from cocnet import create_model, load_model
from cocnet.errors import FileError
from cocnet.networks import checkpoint_info
from cocnet.networks.architectures.pynet import halved_bicubic
from cocnet.networks.zoo.published import MAPPINGS, convert

ENCODER = {1: (3, 32, 1), 5: (32, 64, 2), 9: (64, 128, 2)}
DECODER = {16: (128, 64), 20: (64, 32)}
BLOCKS = {2: 32, 3: 32, 6: 64, 7: 64, 10: 128, 11: 128, 13: 128, 14: 128, 17: 64, 18: 64, 21: 32, 22: 32}


def state_of(encoder, decoder):
    """Random weights with the published names of three encoders and decoders."""
    made, state = torch.Generator().manual_seed(1), {}

    def conv(name, *shape, outputs):
        state[f"{name}.weight"] = torch.randn(shape, generator=made) / (shape[1] * 9) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(outputs, generator=made)

    for level in (1, 2, 3):
        one, other = encoder.format(level), decoder.format(level)
        for number, (before, after, _) in ENCODER.items():
            conv(f"{one}.layer{number}", after, before, 3, 3, outputs=after)
        for number, (before, after) in DECODER.items():
            conv(f"{other}.layer{number}", before, after, 4, 4, outputs=after)
        conv(f"{other}.layer24", 3, 32, 3, 3, outputs=3)
        for number, width in BLOCKS.items():
            for part in (0, 2):
                name = f"{one if number < 12 else other}.layer{number}.{part}"
                conv(name, width, width, 3, 3, outputs=width)
    return state


def run(state, x, where, numbers):
    """The layers of an encoder or decoder, one after the other."""
    for number in numbers:
        name = f"{where}.layer{number}"
        if number in BLOCKS:
            w = [state[f"{name}.{part}.{kind}"] for part in (0, 2) for kind in ("weight", "bias")]
            x = x + functional.conv2d(functional.conv2d(x, w[0], w[1], padding=1).relu(), *w[2:], padding=1)
        elif number in DECODER:
            x = functional.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], 2, 1)
        else:
            stride = ENCODER.get(number, (0, 0, 1))[2]
            x = functional.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, 1)
    return x


def published_dmshn(state, image, encoder, decoder):
    """Three scales, coarse to fine; what a level hands on is its encoder's own output and its decoder's picture."""

    def resized(x, scale):
        return functional.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)

    pictures = [image, resized(image, 0.5), resized(resized(image, 0.5), 0.5)]
    code, result = 0, 0
    for level in (3, 2, 1):
        coarser = code
        code = run(
            state,
            pictures[level - 1] + result,
            encoder.format(level),
            [n for n in range(12) if n in (*ENCODER, *BLOCKS)],
        )
        result = run(
            state,
            code + coarser,
            decoder.format(level),
            [n for n in range(12, 25) if n in (*DECODER, *BLOCKS, 24)],
        )
        if level > 1:
            code_up, result = resized(code, 2), resized(result, 2)
            code = code_up
    return result


@torch.no_grad()
@pytest.mark.parametrize("prefix", ["", "module."])
def test_dmshn_is_the_published_network(tmp_path, prefix):
    state = state_of("encoder_lv{}", "decoder_lv{}")
    torch.save({f"{prefix}{name}": x for name, x in state.items()}, tmp_path / "dmshn.pth")
    written = convert("dmshn", tmp_path / "dmshn.pth", tmp_path / "ours.safetensors")
    image = torch.rand(1, 3, 48, 64)
    expected = published_dmshn(state, image, "encoder_lv{}", "decoder_lv{}")
    assert (load_model(written)(image) - expected).abs().max() < 1e-5 * expected.abs().max()
    assert "sha256" in checkpoint_info(written).recipe and "EBB!" in checkpoint_info(written).data
    card = (tmp_path / "ours.md").read_text()
    assert card.startswith("# dmshn\n") and "dmshn.pth" in card


@torch.no_grad()
def test_two_in_series(tmp_path):
    state = {f"net{i}.{n}": x for i in (1, 2) for n, x in state_of("encoder_lv{}", "decoder_lv{}").items()}
    save_file({name: x.clone() for name, x in state.items()}, tmp_path / "stacked.safetensors")
    written = convert("dmshn-stacked", tmp_path / "stacked.safetensors", tmp_path / "ours.safetensors")
    image = torch.rand(1, 3, 32, 32)
    between = published_dmshn(state, image, "net1.encoder_lv{}", "net1.decoder_lv{}")
    expected = published_dmshn(state, between, "net2.encoder_lv{}", "net2.decoder_lv{}")
    assert (load_model(written)(image) - expected).abs().max() < 1e-5 * expected.abs().max()


@torch.no_grad()
def test_mpfnet_s_candidate_is_taken_as_it_is(tmp_path):
    state = state_of("fe_lv{}", "gen_lv{}")
    torch.save({"state_dict": state}, tmp_path / "mpfnet.pth")
    written = convert("mpfnet", tmp_path / "mpfnet.pth", tmp_path / "ours.safetensors")
    finest_first = {
        name.replace("_lv1", "_lvx").replace("_lv3", "_lv1").replace("_lvx", "_lv3"): x
        for name, x in state.items()
    }
    image = torch.rand(1, 3, 32, 48)
    expected = published_dmshn(finest_first, image, "fe_lv{}", "gen_lv{}")
    assert (load_model(written)(image) - expected).abs().max() < 1e-4 * expected.abs().max()
    assert "picture alone" in (tmp_path / "ours.md").read_text()


class PyNET:
    """The published network, after its description in TensorFlow's terms; its variables are made as it first runs."""

    def __init__(self):
        self.made, self.variables, self.next = torch.Generator().manual_seed(2), {}, 0

    def variable(self, *shape, scale=1.0, offset=0.0):
        name = f"generator/Variable_{self.next}" if self.next else "generator/Variable"
        self.next += 1
        if name not in self.variables:
            self.variables[name] = offset + scale * torch.randn(shape, generator=self.made)
        return self.variables[name].double()

    def conv(self, x, maps, size, norm=False, leaky=True):
        fan = x.shape[1] * size**2
        weight = self.variable(size, size, x.shape[1], maps, scale=(2 / fan) ** 0.5)
        x = functional.conv2d(
            x, weight.permute(3, 2, 0, 1), self.variable(maps, scale=0.1), padding=size // 2
        )
        if norm:
            mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, correction=0)
            shift, scale = self.variable(maps, scale=0.1), self.variable(maps, scale=0.1, offset=1.0)
            x = scale[:, None, None] * (x - mean) / (variance + 1e-3).sqrt() + shift[:, None, None]
        return functional.leaky_relu(x, 0.2) if leaky else x

    def block(self, x, largest, maps, norm=True):
        found = []
        for size in range(3, largest + 1, 2):
            found.append(self.conv(self.conv(x, maps, size, norm), maps, size, norm))
        return torch.cat(found, 1)

    def up(self, x, maps):
        """TensorFlow's SAME: output j gathers inputs i with 2i + k = j, k = 0, 1, 2."""
        weight = self.variable(3, 3, maps, x.shape[1], scale=(1 / x.shape[1]) ** 0.5).permute(3, 2, 0, 1)
        out = x.new_zeros(len(x), maps, 2 * x.shape[2] + 2, 2 * x.shape[3] + 2)
        for i in range(3):
            for j in range(3):
                share = torch.einsum("bchw,co->bohw", x, weight[:, :, i, j])
                out[:, :, i : i + 2 * x.shape[2] : 2, j : j + 2 * x.shape[3] : 2] += share
        return functional.leaky_relu(out[:, :, :-2, :-2], 0.2)

    def head(self, x):
        return self.conv(x, 3, 3, leaky=False)

    def __call__(self, half):
        """[b 4 h w] at half the size → level 0's picture and the full one."""
        self.next = 0
        b, c, h, w = half.shape
        x = half.view(b, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(b, 4 * c, h // 2, w // 2)
        d1 = self.block(x, 3, 32, norm=False)
        d2 = self.block(functional.max_pool2d(d1, 2), 3, 64)
        d3 = self.block(functional.max_pool2d(d2, 2), 3, 128)
        d4 = self.block(functional.max_pool2d(d3, 2), 3, 256)
        x = self.block(functional.max_pool2d(d4, 2), 3, 512)
        x = self.block(x, 3, 512) + x
        x = self.block(x, 3, 512) + x
        x = self.block(x, 3, 512)
        a, b = self.up(x, 256), self.up(x, 256)
        self.head(x)
        x = self.block(torch.cat([d4, a], 1), 3, 256)
        x = self.block(x, 3, 256) + x
        x = self.block(x, 3, 256) + x
        x = self.block(torch.cat([self.block(x, 3, 256), b], 1), 3, 256)
        a, b = self.up(x, 128), self.up(x, 128)
        self.head(x)
        x = torch.cat([d3, a], 1)
        for _ in range(3):
            x = self.block(x, 5, 128) + x
        x = self.block(torch.cat([self.block(x, 5, 128), d3, b], 1), 3, 128)
        a, b = self.up(x, 64), self.up(x, 64)
        self.head(x)
        x = torch.cat([self.block(torch.cat([d2, a], 1), 5, 64), d2], 1)
        for _ in range(3):
            x = self.block(x, 7, 64) + x
        x = torch.cat([self.block(x, 7, 64), d2], 1)
        x = self.block(torch.cat([self.block(x, 5, 64), b], 1), 3, 64)
        a, b = self.up(x, 32), self.up(x, 32)
        self.head(x)
        x = torch.cat([self.block(torch.cat([d1, a], 1), 5, 32, norm=False), d1], 1)
        x = self.block(self.block(x, 7, 32, norm=False), 9, 32, norm=False)
        for _ in range(3):
            x = self.block(x, 9, 32, norm=False) + x
        x = torch.cat([self.block(x, 7, 32, norm=False), d1], 1)
        x = self.block(torch.cat([self.block(x, 5, 32, norm=False), b, d1], 1), 3, 32, norm=False)
        self.head(x)
        coarse = self.head(self.up(x, 8))
        fine = self.head(self.up(coarse, 3))
        return [x.tanh() * 0.58 + 0.5 for x in (coarse, fine)]


@torch.no_grad()
def test_pynet_is_the_published_network(tmp_path):
    made = torch.Generator().manual_seed(3)
    image, depth = (torch.rand(1, n, 128, 128, generator=made, dtype=torch.float64) for n in (3, 1))
    theirs = PyNET()
    half = torch.cat([halved_bicubic(image), functional.avg_pool2d(depth, 2)], 1)
    coarse, fine = theirs(half)
    arrays = {name: x.numpy() for name, x in theirs.variables.items()}
    np.savez(
        tmp_path / "pynet.npz",
        **arrays,
        **{"beta1_power": np.float32(0.9), "generator/Variable/Adam": np.ones(3)},
    )
    ours = load_model(convert("pynet", tmp_path / "pynet.npz", tmp_path / "pynet.safetensors")).double()
    assert (ours(image, depth) - fine).abs().max() < 1e-9 and fine.std() > 0.01
    assert (ours.at_level(image, depth, 0) - coarse).abs().max() < 1e-9


def test_pictures_are_halved_as_pillow_does():
    image = torch.rand(1, 3, 24, 20)
    pillow = functional.interpolate(
        image, scale_factor=0.5, mode="bicubic", antialias=True, align_corners=False
    )
    assert (halved_bicubic(image) - pillow)[..., 2:-2, 2:-2].abs().max() < 1e-5


def test_brvit_s_names_are_dpt_hybrid_s():
    pytest.importorskip("timm")
    with torch.device("meta"):
        ours = list(create_model("brvit").state_dict())
    theirs = {MAPPINGS["brvit"].their_name(name) for name in ours}
    assert len(theirs) == len(ours)
    assert theirs >= {
        "pretrained.model.patch_embed.backbone.stages.0.blocks.0.conv1.weight",
        "pretrained.act_postprocess4.0.project.0.bias",
        "pretrained.act_postprocess4.4.weight",
        "scratch.layer1_rn.weight",
        "scratch.refinenet4.resConfUnit1.conv2.bias",
        "scratch.refinenet1.out_conv.weight",
        "scratch.output_conv.4.bias",
    }


def test_what_cannot_be_converted_is_said(tmp_path):
    path, out = tmp_path / "w.pth", tmp_path / "out.safetensors"
    state = state_of("encoder_lv{}", "decoder_lv{}")

    def refused(given, message, name="dmshn"):
        torch.save(given, path)
        with pytest.raises(FileError, match=message):
            convert(name, path, out)
        assert not list(tmp_path.glob("out.*"))

    missing = dict(state)
    del missing["decoder_lv2.layer16.bias"]
    refused(missing, r"tensor 'decoder_lv2\.layer16\.bias'")
    refused(state | {"extra": torch.ones(1)}, "got 'extra' and 0 more")
    refused({f"net{i}.{name}": x for i in (1, 2) for name, x in state.items()}, "tensors of dmshn alone")
    refused({"generator/Variable": torch.ones(3)}, r"of shape \[32, 16, 3, 3\], got \[3\]", "pynet")
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object))
    with pytest.raises(FileError, match="arrays by name"):
        convert("pynet", tmp_path / "objects.npz", out)
