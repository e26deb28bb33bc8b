"""A linear world to attack: what the best change is follows from the weights."""

import torch


class Shade:
    """A linear renderer: the picture is darkened by depth; the camera's f-number brightens it."""

    camera = torch.tensor([1.0, 2.0, 0.05])

    def __call__(self, image, depth, camera=None):
        gain = 1.0 if camera is None else camera[:, 1].view(-1, 1, 1, 1)
        return image * gain - 0.3 * depth


class Victim(torch.nn.Module):
    def __init__(self, side=8, lead=0.0):
        super().__init__()
        made = torch.Generator().manual_seed(1)
        self.weight = torch.randn(3, 3 * side * side, generator=made)
        self.lead = torch.tensor([lead, 0.0, 0.0])
        self.eval()

    def forward(self, picture):
        return picture.flatten(1) @ self.weight.T + self.lead


def batch(count=3, side=8):
    made = torch.Generator().manual_seed(4)
    image = torch.rand(count, 3, side, side, generator=made)
    depth = torch.linspace(0, 1, side).view(1, 1, side, 1).repeat(count, 1, 1, side)
    return image, depth, torch.zeros(count, dtype=torch.long)
