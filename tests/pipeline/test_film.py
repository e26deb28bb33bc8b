"""A film's plans: focus by keys and with the subject, what holds for a shot, what the state carries over."""

import numpy as np
import pytest
from PIL import Image

from cocnet.errors import InputError
from cocnet.imaging import DepthMap, Photo
from cocnet.pipeline.film import Film
from cocnet.pipeline.film_options import FilmOptions
from cocnet.pipeline.keys import read_aperture_keys, read_focus_keys
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.render_photo import render_plan

HEIGHT, WIDTH = 64, 96
RNG = np.random.default_rng(1)
WALL = RNG.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
NEAR_LEFT = np.where(np.arange(WIDTH) < WIDTH // 2, 1.0, 4.0)[None].repeat(HEIGHT, 0).astype(np.float32)


class Guess:
    """An estimator whose scale, shift and values change from frame to frame; counts its calls."""

    def __init__(self, flicker):
        self.flicker, self.calls = flicker, 0

    def __call__(self, rgb, focal_px=None):
        self.calls += 1
        rows, columns = rgb.shape[:2]
        share = np.where(np.arange(columns) < columns // 2, 1.0, 0.2)[None].repeat(rows, 0)
        noise = self.flicker * RNG.standard_normal((rows // 8 + 1, columns // 8 + 1)).repeat(8, 0).repeat(
            8, 1
        )
        values = (1 + self.flicker * np.sin(3 * self.calls)) * share + noise[:rows, :columns]
        return DepthMap.of(values.astype(np.float32), "relative_disparity", "a guess")


def options(**changes):
    return RenderOptions(
        **{"near_m": 1.0, "far_m": 8.0, "refine_depth": "off", "grain": "off", "highlights": "off", **changes}
    )


def test_focus_is_pulled_evenly_in_inverse_depth():
    keys = read_focus_keys(["1:0.2,0.5", "3:0.8,0.5"])
    film = Film(FilmOptions(options(depth_kind="metric"), focus_keys=keys))
    inverse = [
        1 / film.plan(WALL, second, NEAR_LEFT).settings.focus_m.value for second in (0, 1, 1.5, 2, 3, 5)
    ]
    assert inverse == pytest.approx([1, 1, 1 - 0.75 / 4, 1 - 0.75 / 2, 0.25, 0.25], abs=1e-5)


def test_the_aperture_follows_its_keys():
    film = Film(FilmOptions(options(focus_m=1), aperture_keys=read_aperture_keys(["0:2", "2:8"])))
    stops = [film.plan(WALL, second, NEAR_LEFT).settings.f_number.value for second in (0, 1, 2)]
    assert stops == pytest.approx([2, 4, 8])


def test_blur_is_one_f_number_for_a_whole_shot():
    film = Film(FilmOptions(options(focus_m=1, blur=40)))
    stops = [
        film.plan(WALL, n / 24, scale * NEAR_LEFT).settings.f_number.value
        for n, scale in enumerate((1, 2, 3))
    ]
    assert stops[1:] == pytest.approx([stops[0]] * 2)


def test_frames_that_arent_steadied_know_nothing_of_each_other():
    """The f-number of --blur, the span of relative depth, the grain."""
    depths = [scale * NEAR_LEFT for scale in (1, 2, 3)]
    asked = FilmOptions(options(focus_m=1, blur=40, grain="auto"), steady=False)
    film = Film(asked)
    for n, depth in enumerate(depths):
        picture = np.roll(WALL, n, 1) // (n + 1)
        seen, alone = film.plan(picture, n / 24, depth), Film(asked).plan(picture, 0, depth)
        assert seen.settings.f_number == alone.settings.f_number
        assert np.array_equal(seen.grain.deviation, alone.grain.deviation)
        assert np.array_equal(seen.inverse_depth, alone.inverse_depth)


def test_steadied_depth_flickers_less_in_the_picture():
    def change(steady):
        film, guess = Film(FilmOptions(options(focus_m=1, f_number=0.5), steady=steady)), Guess(0.2)
        made = [render_plan(film.plan(WALL, n / 24, guess)).pixels.astype(int) for n in range(5)]
        return np.abs(np.diff(made, axis=0))[1:].mean()

    assert change(steady=True) < 0.5 * change(steady=False)


def test_frames_have_no_colours_that_nobody_sees():
    alpha = np.where(np.arange(WIDTH) < 50, 255, 0).astype(np.uint8)[None].repeat(HEIGHT, 0)
    seen = Film(FilmOptions(options(focus_m=1))).plan(Photo(WALL, alpha=alpha), 0, NEAR_LEFT).photo.pixels
    assert np.array_equal(seen[:, :50], WALL[:, :50]) and (seen[:, 50:] == WALL[:, 49:50]).all()


def test_a_cut_begins_a_shot_with_nothing_of_the_one_before():
    other = np.zeros_like(WALL)
    other[..., 0] = 250
    film = Film(FilmOptions(options(focus_m=1)))
    film.plan(WALL, 0, Guess(0))
    film.plan(WALL, 1 / 24, Guess(0))
    assert film.shots == 1
    after = film.plan(other, 2 / 24, Guess(0))
    assert film.shots == 2
    alone = Film(FilmOptions(options(focus_m=1))).plan(other, 2 / 24, Guess(0))
    assert np.array_equal(after.inverse_depth, alone.inverse_depth)


def test_the_subject_is_followed_without_jumps_and_waited_for():
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[20:60, 10:40] = 1
    film = Film(FilmOptions(options(), steady=True))
    seen = iter([mask, mask, np.zeros_like(mask)])
    focus = []
    for n, near in enumerate((1.0, 2.0, 3.0)):
        depth = np.where(np.arange(WIDTH) < 48, near, 8.0)[None].repeat(HEIGHT, 0).astype(np.float32)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cocnet.pipeline.film.find_subject", lambda photo, render: next(seen))
            focus.append(film.plan(WALL, 10.0 * n if n == 2 else 0.1 * n, depth).settings.focus_m)
    assert focus[0].value == pytest.approx(1, rel=1e-3)
    assert 1 / focus[1].value == pytest.approx(1 - 0.5 * (1 - np.exp(-0.1 / 0.3)), abs=0.01)
    assert focus[2].origin == "auto: where the subject was" and focus[2].value == pytest.approx(
        focus[1].value
    )


def test_a_subject_that_is_drawn_may_be_small(tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[30:34, 70:74] = 255
    Image.fromarray(mask).save(tmp_path / "subject.png")
    film = Film(FilmOptions(options(subject=str(tmp_path / "subject.png"))))
    for second in (0.0, 0.1):
        assert film.plan(WALL, second, NEAR_LEFT).settings.focus_m.value == pytest.approx(4, rel=1e-3)


@pytest.mark.parametrize("preview", [False, True])
def test_a_subject_that_is_drawn_is_one_surface(tmp_path, preview):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[16:48, 30:66] = 255
    Image.fromarray(mask).save(tmp_path / "subject.png")
    film = Film(FilmOptions(options(subject=str(tmp_path / "subject.png"), preview=preview)))
    plan = film.plan(WALL, 0.0, Guess(0))
    held = np.isclose(plan.inverse_depth, 1 / plan.settings.focus_m.value, rtol=1e-5)
    assert held[mask > 0].all() and held[mask == 0].mean() < 0.6


def test_the_state_is_all_that_the_next_frame_needs():
    def run(break_at):
        film, guess, plans = Film(FilmOptions(options(focus_m=1, blur=30))), Guess(0), []
        for n in range(4):
            if n == break_at:
                film = Film(
                    FilmOptions(options(focus_m=1, blur=30)),
                    {name: x.copy() for name, x in film.state.items()},
                )
            frame = np.roll(WALL, n, 1)
            plans.append(film.plan(frame, n / 24, guess))
        return plans[-1], film.shots

    whole, shots = run(None)
    again, shots_again = run(2)
    assert np.array_equal(whole.inverse_depth, again.inverse_depth) and shots == shots_again
    assert whole.settings.focus_m == again.settings.focus_m and whole.seed == again.seed
    assert whole.lens.f_number == again.lens.f_number


def test_keys_and_options_that_say_the_same_are_refused():
    with pytest.raises(InputError, match="one focus"):
        FilmOptions(options(focus_m=2), focus_keys=read_focus_keys(["0:0,0"]))
    with pytest.raises(InputError, match="one aperture"):
        FilmOptions(options(blur=2), aperture_keys=read_aperture_keys(["0:2"]))
