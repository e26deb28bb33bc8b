"""The page in a real browser: `make test-browser`. Chromium is the system's."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from paths import ROOT
from PIL import Image

from cocnet.imaging import read_photo

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SLOW_MS = 120_000


@pytest.fixture(scope="module")
def server():
    """Its URL and its process."""
    command = [sys.executable, "-m", "cocnet", "serve", "--port", "0", "--max-mp", "70"]
    offline = {**os.environ, "COCNET_OFFLINE": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=offline) as process:
        yield process.stdout.readline().split()[1], process.pid
        process.terminate()


@pytest.fixture(scope="module")
def url(server):
    return server[0]


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(chromium, url, width=1280, height=800, **context):
    page = chromium.new_context(viewport={"width": width, "height": height}, **context).new_page()
    page.set_default_timeout(SLOW_MS)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    return page


@pytest.fixture
def page(chromium, url):
    page = opened(chromium, url)
    yield page
    assert page.errors == []
    page.context.close()


def settled(page, **wanted):
    """Wait for the fine view of these options."""
    page.wait_for_function(
        "wanted => { const s = JSON.parse(document.body.dataset.shown ?? '{}'); return s.fast === false && "
        "!document.getElementById('frame').hasAttribute('aria-busy') && "
        "Object.entries(wanted).every(([k, v]) => JSON.stringify(s.options[k]) === JSON.stringify(v)); }",
        arg=wanted,
    )


def pixels(page, which="picture"):
    """What an image element holds, at its natural size."""
    flat, height, width = page.evaluate(
        "id => { const i = document.getElementById(id), c = document.createElement('canvas');"
        "c.width = i.naturalWidth; c.height = i.naturalHeight; const p = c.getContext('2d'); p.drawImage(i, 0, 0);"
        "return [Array.from(p.getImageData(0, 0, c.width, c.height).data), c.height, c.width]; }",
        which,
    )
    return np.array(flat, np.int16).reshape(height, width, 4)[..., :3]


def click(page, x, y):
    page.locator("#picture").scroll_into_view_if_needed()
    box = page.locator("#picture").bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def shown_point(page):
    return page.evaluate("JSON.parse(document.body.dataset.shown).options.focus_point")


def write_halves(folder, width=900, height=600):
    """Stripes, near left of the middle and far right of it, with depth in metres."""
    columns = np.arange(width)
    stripes = np.where((columns // 6) % 2, 200, 60).astype(np.uint8)
    Image.fromarray(np.broadcast_to(stripes[None, :, None], (height, width, 3)).copy()).save(
        folder / "halves.png"
    )
    depth = np.where(columns < width / 2, 1.5, 8.0)
    np.save(folder / "depth.npy", np.tile(depth, (height, 1)).astype(np.float32))


def open_halves(page, folder, **size):
    write_halves(folder, **size)
    page.set_input_files("#file", folder / "halves.png")
    page.wait_for_selector("#controls:not([hidden])")
    settled(page)
    page.locator("summary").click()
    page.select_option("#option-depth_kind", "metric")
    page.set_input_files("#depth-file", folder / "depth.npy")
    page.wait_for_function("() => document.getElementById('depth-text').textContent.includes('depth.npy')")
    settled(page, depth_kind="metric")


def test_a_depth_map_can_be_taken_away_again(page, tmp_path):
    open_halves(page, tmp_path)
    page.click("#depth-away")
    page.wait_for_function("() => !document.getElementById('depth-text').textContent.includes('depth.npy')")
    assert page.locator("#depth-away").is_hidden()
    assert page.eval_on_selector("#depth-file", "each => each.value") == ""


def test_click_blurs_elsewhere_and_the_saved_file_is_the_command_lines(page, tmp_path, monkeypatch):
    from cocnet.apps.cli.main import main

    open_halves(page, tmp_path)
    original = pixels(page, "before")
    click(page, 0.25, 0.5)
    point = shown_point_after(page)
    settled(page, focus_point=point)
    near = pixels(page)
    assert np.abs(near - original)[100:-100, 50:380].max() <= 4  # both are JPEGs
    assert np.abs(near - original)[100:-100, 520:-50].mean() > 20
    with page.expect_download() as download:
        page.click("#save")
        page.wait_for_selector("#picture-link:not([hidden])")
        page.click("#picture-link")
    download.value.save_as(tmp_path / "saved.png")
    saved = read_photo(tmp_path / "saved.png").pixels.astype(int)
    true = read_photo(tmp_path / "halves.png").pixels.astype(int)
    assert np.abs(saved - true)[:, :380].max() <= 1
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(page.input_value("#command"))[1:]) == 0
    assert (tmp_path / "halves-bokeh.png").read_bytes() == (tmp_path / "saved.png").read_bytes()


def shown_point_after(page):
    page.wait_for_function("() => JSON.parse(document.body.dataset.shown).options.focus_point")
    return shown_point(page)


@pytest.mark.parametrize(
    ("size", "view"), [((600, 900), (1280, 800)), ((900, 600), (390, 844)), ((1000, 200), (1280, 800))]
)
def test_a_click_is_exact_to_two_pixels(chromium, url, tmp_path, size, view):
    page = opened(chromium, url, *view)
    write_halves(tmp_path, *size)
    page.set_input_files("#file", tmp_path / "halves.png")
    page.wait_for_selector("#controls:not([hidden])")
    settled(page)
    for x, y in ((0.1, 0.9), (0.62, 0.37)):
        page.evaluate("document.body.dataset.shown = '{\"options\":{}}'")
        click(page, x, y)
        point = shown_point_after(page)
        box = page.locator("#picture").bounding_box()
        assert abs(point[0] - x) * box["width"] <= 2 and abs(point[1] - y) * box["height"] <= 2
        settled(page, focus_point=point)
    page.context.close()


def test_keys_move_the_focus_and_the_aperture(page, tmp_path):
    open_halves(page, tmp_path)
    page.focus("#frame")
    page.keyboard.press("ArrowRight")
    settled(page, focus_point=[0.52, 0.5])
    page.focus("#stop")
    page.keyboard.press("Home")
    settled(page, f_number=1)
    page.focus("#blur")
    page.keyboard.press("Home")
    settled(page, blur=0)
    page.focus("#split")
    page.keyboard.press("End")
    assert page.locator("#before").is_visible()


def test_a_range_of_focus_is_dragged_on_the_strip_or_written(page, tmp_path):
    open_halves(page, tmp_path)
    page.locator("#histogram").scroll_into_view_if_needed()
    box = page.locator("#histogram").bounding_box()
    middle = box["y"] + box["height"] / 2

    def at(metres):
        return box["x"] + box["width"] * (1 / metres - 1 / 8) / (1 / 1.5 - 1 / 8)

    def drag(start, end):
        page.mouse.move(at(start), middle)
        page.mouse.down()
        page.mouse.move(at((start + end) / 2), middle)
        page.mouse.move(at(end), middle)
        page.mouse.up()

    def sharp(near, far):
        page.wait_for_function(
            "([near, far]) => { const r = JSON.parse(document.body.dataset.shown).options.focus_range;"
            "return r && Math.abs(r[0] / near - 1) < 0.05 && Math.abs(r[1] / far - 1) < 0.05; }",
            arg=[near, far],
        )
        assert float(page.input_value("#near")) == pytest.approx(near, rel=0.05)
        assert float(page.input_value("#far")) == pytest.approx(far, rel=0.05)

    drag(2, 4)
    sharp(2, 4)
    drag(4, 3)  # an end of the range is taken hold of
    sharp(2, 3)
    page.mouse.click(at(6), middle)
    page.wait_for_function(
        "() => Math.abs(JSON.parse(document.body.dataset.shown).options.focus_m - 6) < 0.3"
    )
    page.fill("#near", "1.5")
    page.press("#near", "Tab")
    page.fill("#far", "8")
    page.press("#far", "Enter")
    settled(page, focus_range=[1.5, 8])
    assert "--focus-range 1.5,8" in page.input_value("#command")
    assert np.abs(pixels(page) - pixels(page, "before")).max() <= 4
    page.focus("#far")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    settled(page, focus_range=[1.5, 7.9])
    page.fill("#near", "9")
    page.press("#near", "Tab")
    page.wait_for_function("() => document.getElementById('status').classList.contains('error')")
    assert "near < far" in page.inner_text("#status")


def test_errors_are_told_and_the_page_goes_on(page, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("broken.jpg", "text.jpg"):
        page.set_input_files("#file", tmp_path / name)
        page.wait_for_function("() => document.getElementById('status').classList.contains('error')")
        assert "expected" in page.inner_text("#status")
    page.click("#examples button:has-text('motorcycle')")
    page.wait_for_selector("#controls:not([hidden])")
    settled(page)


def test_a_photo_of_60_megapixels_opens_and_is_focused(page, tmp_path):
    rows, columns = np.ogrid[:6680, :9000]
    pixels = ((rows // 40 + columns // 40) % 2 * 150 + columns * 100 // 9000).astype(np.uint8)
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "large.jpg", quality=60)
    page.set_input_files("#file", tmp_path / "large.jpg")
    page.wait_for_selector("#controls:not([hidden])")
    settled(page)
    assert "9000 × 6680 px" in page.inner_text("#caption")
    click(page, 0.5, 0.5)
    settled(page, focus_point=shown_point_after(page))
    assert pixels_of(page) == (891, 1200)


def pixels_of(page):
    return tuple(page.evaluate("[picture.naturalHeight, picture.naturalWidth]"))


def resident_mb(pid):
    """Memory that a process and all below it hold, in MB."""
    status = {int(p.parent.name): p.read_text() for p in Path("/proc").glob("[0-9]*/status") if readable(p)}
    parents = {one: int(text.split("PPid:")[1].split()[0]) for one, text in status.items()}
    ours = {pid}
    while more := {one for one, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return (
        sum(int(status[one].split("VmRSS:")[1].split()[0]) for one in ours if "VmRSS:" in status[one]) / 1024
    )


def readable(path):
    try:
        return bool(path.read_text())
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs /proc")
def test_200_moves_of_a_slider_leave_memory_flat(page, server, tmp_path, capsys):
    open_halves(page, tmp_path, width=240, height=160)

    def moves(count):
        for n in range(count):
            page.evaluate(
                "n => { blur_.value = n; blur_.dispatchEvent(new Event('input')); }".replace(
                    "blur_", "document.getElementById('blur')"
                ),
                n % 100 + 1,
            )
            page.wait_for_function(
                "n => JSON.parse(document.body.dataset.shown).options.blur === n", arg=n % 100 + 1
            )

    moves(40)
    before = resident_mb(server[1])
    moves(200)
    after = resident_mb(server[1])
    with capsys.disabled():
        sys.stdout.write(f"\nserver and workers: {before:.0f} MB before, {after:.0f} MB after 200 moves\n")
    assert after - before < 40


def test_two_users_do_not_mix(chromium, url, tmp_path):
    pages = []
    for value in (40, 220):
        Image.new("RGB", (80, 60), (value,) * 3).save(tmp_path / f"{value}.png")
        page = opened(chromium, url)
        page.set_input_files("#file", tmp_path / f"{value}.png")
        pages.append((value, page))
    for value, page in pages:
        page.wait_for_selector("#controls:not([hidden])")
        settled(page)
        assert abs(pixels(page).mean() - value) < 3
        page.context.close()


@pytest.mark.parametrize("view", [(1280, 800), (390, 844)], ids=["desk", "phone"])
def test_axe_finds_no_serious_fault_on_any_tab(chromium, url, view):
    package = find_spec("axe_playwright_python")
    if package is None:
        pytest.skip("no axe_playwright_python")
    page = opened(chromium, url, *view)
    page.evaluate((Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = list[str]()

    def look(where):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            faults = page.evaluate("axe.run().then(found => found.violations)")
            found.extend(
                f"{where}, {scheme}: {one['id']}: {one['nodes'][0]['html'][:150]}"
                for one in faults
                if one["impact"] in ("serious", "critical")
            )

    look("start")
    page.click("#examples button:has-text('motorcycle')")
    page.wait_for_selector("#controls:not([hidden])")
    settled(page)
    page.locator("summary").click()
    look("Bokeh")
    page.click("#tab-compare")
    page.click("#compare-start")
    page.wait_for_selector("#cells img")
    page.click("#compare-stop")
    page.wait_for_selector("#cells[aria-busy=false]")
    look("Compare")
    page.click("#tab-attack")
    page.wait_for_function("() => document.getElementById('victim').options.length > 0")
    page.select_option("#method", "blur")
    page.click("#attack-start")
    page.wait_for_selector("#attack-result:not([hidden])")
    look("Attack")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "nothing is cut off at the right"
    )
    page.context.close()
    assert found == []


def test_compare_fills_a_cell_for_each_renderer_and_can_be_stopped(page, tmp_path):
    open_halves(page, tmp_path, width=90, height=60)
    page.focus("#tab-bokeh")
    page.keyboard.press("ArrowRight")
    assert page.locator("#compare").is_visible() and not page.locator("#bokeh").is_visible()
    page.focus("#compare-start")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cells[aria-busy=false] img")
    cells = {text.split()[0]: text for text in page.locator("#cells li").all_inner_texts()}
    assert "same focus and lens" in cells["physical"] and "no parameters" in cells["physical"]
    assert "no effect" in cells["cocnet-b3-less"] and "1.91 M parameters" in cells["cocnet-b3-less"]
    assert "expected weights" in cells["brvit"] and "123.15 M" in cells["brvit"]
    assert all(f" {unit}" in cells["cocnet-hybrid"] for unit in ("s,", "M parameters"))
    shown = page.locator("#cells img").evaluate_all("all => all.map(i => i.complete && i.naturalWidth)")
    assert len(shown) == 7 and set(shown) == {90}
    assert "7 renderers compared" in page.inner_text("#status") and "mm, f/" in page.inner_text(
        "#compare-lens"
    )
    page.click("#compare-start")
    page.click("#compare-stop")
    page.wait_for_function("() => document.getElementById('status').textContent === 'Cancelled.'")
    assert page.locator("#cells li").filter(has_text="not rendered").count() > 0


def test_an_attack_shows_both_pictures_what_is_seen_and_what_changed(page):
    page.click("#examples button:has-text('cat')")
    page.wait_for_selector("#controls:not([hidden])")
    settled(page)
    page.click("#tab-attack")
    page.wait_for_function("() => document.getElementById('victim').options.length > 0")
    page.select_option("#method", "ace")
    assert page.is_disabled("#epsilon") and page.input_value("#epsilon") == ""
    page.select_option("#method", "gda")
    assert float(page.input_value("#epsilon")) == pytest.approx(3e-4)
    page.fill("#epsilon", "0.02")
    page.fill("#steps", "8")
    page.press("#steps", "Enter")
    page.wait_for_selector("#attack-result:not([hidden])")
    texts = page.locator("#attack-cells > li").all_inner_texts()
    assert [text.split("\n")[0].split(",")[0] for text in texts] == [
        "photo",
        "natural bokeh",
        "adversarial bokeh",
        "δ",
        "difference",
    ]
    assert any(breed in texts[0].lower() for breed in ("cat", "tabby")) and "%" in texts[0]
    assert page.locator("#attack-cells .bars > li").count() == 15
    bars = (
        page.locator("#attack-cells .bars")
        .first.locator("div")
        .evaluate_all("all => all.map(b => b.offsetWidth)")
    )
    assert bars == sorted(bars, reverse=True) and bars[0] > 0
    shown = page.locator("#attack-cells img").evaluate_all(
        "all => all.map(i => i.complete && i.naturalWidth)"
    )
    assert shown == [224] * 5
    status = page.inner_text("#status")
    assert ("Fooled" in status) == (texts[1].split("\n")[1].split()[0] != texts[2].split("\n")[1].split()[0])
    assert page.input_value("#attack-command").startswith("cocnet attack ./chelsea.png")


def test_an_attack_can_be_stopped(page):
    page.click("#examples button:has-text('cat')")
    page.wait_for_selector("#controls:not([hidden])")
    page.click("#tab-attack")
    page.wait_for_function("() => document.getElementById('victim').options.length > 0")
    page.fill("#epsilon", "0")
    page.fill("#steps", "1000")
    page.click("#attack-start")
    page.wait_for_function("() => document.getElementById('attack-progress').value > 0")
    page.focus("#attack-stop")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('status').textContent === 'Cancelled.'")
    assert page.is_visible("#attack-start") and page.locator("#attack-cells > li").count() == 2
    assert page.evaluate("document.activeElement.id") == "attack-start"


def test_screenshot_for_the_readme(chromium, url, tmp_path):
    page = opened(chromium, url, color_scheme="dark")
    page.click("#examples button:has-text('motorcycle')")
    page.wait_for_selector("#controls:not([hidden])")
    settled(page)
    page.focus("#stop")
    page.keyboard.press("Home")
    settled(page, f_number=1)
    click(page, 0.73, 0.31)
    settled(page, focus_point=shown_point_after(page))
    time.sleep(0.2)
    page.screenshot(path=tmp_path / "page.png")
    shot = Image.open(tmp_path / "page.png").convert("RGB")
    shot.save(ROOT / "docs" / "pictures" / "page.jpg", quality=85)
    assert np.asarray(shot).std() > 20
    page.context.close()


def test_film_for_the_readme(chromium, url, tmp_path):
    page = opened(chromium, url)
    page.click("#examples button:has-text('motorcycle')")
    page.wait_for_selector("#controls:not([hidden])")
    settled(page)
    page.focus("#stop")
    page.keyboard.press("Home")
    settled(page, f_number=1)
    shots = []
    for x, y in ((0.73, 0.31), (0.28, 0.62), (0.93, 0.6), (0.2, 0.2)):
        page.evaluate("document.body.dataset.shown = '{\"options\":{}}'")
        click(page, x, y)
        settled(page, focus_point=shown_point_after(page))
        page.locator("#frame").screenshot(path=tmp_path / "shot.png")
        shot = Image.open(tmp_path / "shot.png").convert("RGB")
        shots.append(shot.resize((560, round(560 * shot.height / shot.width)), Image.Resampling.LANCZOS))
    small = [shot.quantize(200, dither=Image.Dither.FLOYDSTEINBERG) for shot in shots]
    film = ROOT / "docs" / "pictures" / "focus.gif"
    small[0].save(film, save_all=True, append_images=small[1:], duration=1500, loop=0)
    assert film.stat().st_size < 3_000_000
    changes = [np.abs(np.asarray(a, float) - np.asarray(b, float)).mean() for a, b in pairwise(shots)]
    assert min(changes) > 1
    page.context.close()
