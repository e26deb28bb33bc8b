"""A teacher of disparity as ONNX: here one that calls bright places near."""

from contextlib import nullcontext

import pytest
import torch

from cocnet.errors import FileError
from cocnet.networks.architectures.depth_subject_net import DepthSubjectNet
from cocnet.training.engine.disparity_teacher import DisparityTeacher
from cocnet.training.engine.subject_objective import SubjectObjective
from cocnet.training.engine.task import Step
from cocnet.training.recipes.subject_recipe import subject_recipe
from tests.onnx_files import brightness_network


def test_disparity_runs_from_0_to_1_in_every_view(tmp_path):
    teacher = DisparityTeacher(brightness_network(tmp_path / "teacher.onnx", (24, 200)))
    ramp = torch.linspace(0, 1, 256).expand(1, 3, 32, 256)
    views = torch.cat([ramp, 0.3 + 0.2 * ramp.flip(-1)])
    disparity = teacher(views)
    assert disparity.shape == (2, 1, 32, 256)
    torch.testing.assert_close(disparity[0], disparity[1].flip(-1), atol=1e-4, rtol=0)
    assert disparity[0, 0, 16].diff().min() >= 0
    inside = ((disparity[0] >= 0) & (disparity[0] <= 1)).float().mean()
    assert float(inside) == pytest.approx(0.96, abs=0.02)
    assert torch.isfinite(teacher(torch.full((1, 3, 32, 32), 0.5))).all()


def test_other_files_are_told(tmp_path):
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(FileError, match="expected a network as ONNX"):
        DisparityTeacher(tmp_path / "text.onnx")
    with pytest.raises(FileError, match="expected a network as ONNX"):
        DisparityTeacher(tmp_path / "none.onnx")
    with pytest.raises(FileError, match=r"\[1, 3, height, width\]"):
        DisparityTeacher(brightness_network(tmp_path / "grey.onnx", channels=1))
    with pytest.raises(FileError, match="height, width"):
        DisparityTeacher(brightness_network(tmp_path / "any.onnx", size=("h", "w")))


def test_the_teacher_is_asked_only_where_no_file_knows():
    torch.manual_seed(0)
    asked = []

    def teacher(views):
        asked.append(views)
        return views[:, :1]

    rgb, mask = torch.rand(3, 3, 64, 64), torch.zeros(3, 1, 64, 64)
    disparity, known = torch.rand(3, 1, 64, 64), torch.ones(3, 1, 64, 64)
    known[1], known[2, :, :32] = 0, 0
    network = DepthSubjectNet("lite0", dropout=0.0, dropped_blocks=0.0)
    step = Step(None, 0, nullcontext())

    def loss(batch, objective):
        torch.manual_seed(1)
        return float(objective.loss(network.eval(), batch, step))

    held_out = (rgb[:1], mask[:1])
    with_teacher = SubjectObjective(held_out, subject_recipe(), teacher=teacher)
    without = SubjectObjective(held_out, subject_recipe())
    batch = {"image": rgb, "mask": mask, "disparity": disparity, "known": known}
    filled_disparity, filled_known = disparity.clone(), known.clone()
    filled_disparity[1], filled_known[1] = rgb[1, :1], 1
    filled = {**batch, "disparity": filled_disparity, "known": filled_known}
    assert loss(batch, with_teacher) == pytest.approx(loss(filled, without), rel=1e-6)
    assert len(asked) == 1 and torch.equal(asked[0], rgb[1:2])
    assert torch.equal(batch["known"], known) and float(known[1].sum()) == 0

    everything = {**batch, "disparity": rgb[:, :1], "known": torch.ones_like(known)}
    masks_only = {"image": rgb, "mask": mask}
    assert loss(masks_only, with_teacher) == pytest.approx(loss(everything, without), rel=1e-6)
