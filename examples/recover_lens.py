"""Recover focus distance and f-number from a bokeh photo, by gradient descent through the renderer.

    python examples/recover_lens.py

Given are the all-in-focus picture, its depth, and the picture that an unknown lens made of it.
"""

import torch

from cocnet import ThinLens, open_renderer

LENS = ThinLens(focal_length_m=0.050, f_number=4.0, focus_distance_m=2.0, sensor_width_m=0.036)


def scene(size_px: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Scene-linear noise [1 3 h w] on a floor that runs from 1 to 5 m, as inverse depth [1 1 h w] in 1/m."""
    made = torch.Generator().manual_seed(0)
    light = torch.rand(1, 3, size_px, size_px, generator=made)
    inverse_depth = torch.linspace(1 / 5, 1.0, size_px).view(1, 1, size_px, 1).expand(1, 1, size_px, size_px)
    return light, inverse_depth.contiguous()


def recover(steps: int = 120) -> tuple[float, float]:
    """Focus distance (m) and f-number that explain the picture, starting from 2.0 m and f/4."""
    renderer = open_renderer("physical")
    light, inverse_depth = scene()
    with torch.no_grad():
        seen = renderer.render(light, inverse_depth, LENS.at(focus_distance_m=1.4, f_number=1.8))
    inverse_focus = torch.tensor(1 / LENS.focus_distance_m, requires_grad=True)
    log_f_number = torch.tensor(float(LENS.f_number)).log().requires_grad_()
    optimiser = torch.optim.Adam([inverse_focus, log_f_number], lr=0.03)
    for step in range(steps):
        lens = LENS.at(focus_distance_m=1 / inverse_focus, f_number=log_f_number.exp())
        loss = (renderer.render(light, inverse_depth, lens) - seen).square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 20 == 0:
            print(f"step {step:3}: {1 / inverse_focus.item():.3f} m, f/{log_f_number.exp().item():.2f}")
    return 1 / inverse_focus.item(), log_f_number.exp().item()


if __name__ == "__main__":
    focus_m, f_number = recover()
    print(f"recovered {focus_m:.3f} m and f/{f_number:.2f}; true are 1.400 m and f/1.80")
