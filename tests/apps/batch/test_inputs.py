"""Which photos, which depth, which names."""

from pathlib import Path

import pytest

from cocnet.apps.batch.inputs import depth_for, depths_for, find_photos
from cocnet.errors import FileError


@pytest.fixture
def folder(tmp_path):
    names = ("b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "a_depth.png", "below/c.heic", "below/d.jpg")
    for name in names:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "photos"


def outputs(items):
    return {item.name: str(item.output) for item in items}


def test_a_folder_means_its_own_photos(folder):
    assert outputs(find_photos([str(folder)], folder / "out")) == {"a.PNG": "a.PNG", "b.jpg": "b.jpg"}


def test_a_pattern_reaches_below_and_keeps_the_folders(folder):
    found = outputs(find_photos([f"{folder}/**/*"], folder / "out", "png"))
    assert found == {
        "a.PNG": "a.png",
        "b.jpg": "b.png",
        "below/c.heic": "below/c.png",
        "below/d.jpg": "below/d.png",
    }


def test_formats_that_are_not_written_become_jpeg(folder):
    assert outputs(find_photos([f"{folder}/below"], folder / "out"))["c.heic"] == "c.jpg"


def test_photos_of_one_name_keep_their_endings(folder):
    (folder / "b.heic").write_bytes(b"x")
    found = outputs(find_photos([str(folder)], folder / "out"))
    assert found["b.heic"] == "b.heic.jpg" and found["b.jpg"] == "b.jpg.jpg"


def test_what_the_batch_has_written_is_no_input(folder):
    (folder / "out").mkdir()
    (folder / "out" / "b.jpg").write_bytes(b"x")
    assert not [i for i in find_photos([f"{folder}/**/*"], folder / "out") if "out" in i.name]


def test_a_folder_into_itself_is_refused(folder):
    with pytest.raises(FileError, match="outside of the output folder"):
        find_photos([str(folder)], folder)


def test_given_twice_is_rendered_once(folder):
    found = find_photos([str(folder), f"{folder}/b.jpg"], folder / "out")
    assert [item.name for item in found] == ["a.PNG", "b.jpg"]


def test_two_photos_that_would_become_one_file_are_refused(folder):
    with pytest.raises(FileError, match="different names"):
        (folder / "below" / "b.jpg").write_bytes(b"x")
        find_photos([str(folder), f"{folder}/below"], folder / "out")


def test_nothing_to_render_is_an_error(tmp_path):
    with pytest.raises(FileError, match="expected photos"):
        find_photos([str(tmp_path)], tmp_path / "out")


@pytest.mark.parametrize("name", ["photo.npy", "photo_depth.png", "photo-depth.exr"])
def test_depth_is_found_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert depth_for(Path("elsewhere/photo.jpg"), tmp_path) == tmp_path / name
    assert depth_for(Path("elsewhere/photo.jpg"), None) is None


@pytest.mark.parametrize("names", [(), ("photo.npy", "photo_depth.png")])
def test_depth_must_be_one(tmp_path, names):
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(FileError, match="expected one depth map"):
        depth_for(Path("photo.jpg"), tmp_path)


@pytest.fixture
def albums(tmp_path):
    """Photos of one name in two folders, and one of another name."""
    for name in ("a/IMG_1.jpg", "b/IMG_1.jpg", "b/IMG_2.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    (tmp_path / "depth/a").mkdir(parents=True)
    return find_photos([f"{tmp_path}/photos/**/*"], tmp_path / "out")


def test_depth_folders_may_be_laid_out_like_the_photos(albums, tmp_path):
    names = ("a/IMG_1.npy", "IMG_1.npy", "IMG_2.npy")
    for name in names:
        (tmp_path / "depth" / name).write_bytes(b"x")
    assert depths_for(albums, tmp_path / "depth") == [tmp_path / "depth" / name for name in names]
    assert depths_for(albums, None) == [None] * 3


def test_one_map_isnt_for_photos_of_several_folders(albums, tmp_path):
    for name in ("IMG_1.npy", "IMG_2.npy"):
        (tmp_path / "depth" / name).write_bytes(b"x")
    *shared, alone = depths_for(albums, tmp_path / "depth")
    assert all(isinstance(one, FileError) and "several folders" in str(one) for one in shared)
    assert alone == tmp_path / "depth/IMG_2.npy"


def test_numbers_in_names_count_as_numbers(tmp_path):
    for number in (1, 2, 10, 11):
        (tmp_path / f"f_{number}.jpg").write_bytes(b"x")
    found = [item.name for item in find_photos([str(tmp_path)], tmp_path / "out")]
    assert found == [f"f_{number}.jpg" for number in (1, 2, 10, 11)]


def test_every_name_that_isnt_there_is_told(folder):
    given = [f"{folder}/b.jpg", "nothing.jpg", f"{folder}/*.heic"]
    with pytest.raises(FileError, match=r"none in 'nothing\.jpg', '.*\*\.heic'"):
        find_photos(given, folder / "out")
    (folder / "empty").mkdir()
    assert len(find_photos([f"{folder}/empty", given[0]], folder / "out")) == 1


def test_patterns_that_python_doesnt_know_are_one_line(folder):
    with pytest.raises(FileError, match=r"try photos/\*\*/\*\.jpg"):
        find_photos([f"{folder}/**.jpg"], folder / "out")
    everything, below = (find_photos([f"{folder}/{text}"], folder / "out") for text in ("**/*", "**"))
    assert below == everything


def test_only_depth_beside_its_photo_is_none(tmp_path):
    for name in ("field-depth.jpg", "a.JPG", "a_depth.png", "a_disparity.png"):
        (tmp_path / name).write_bytes(b"x")
    found = [item.name for item in find_photos([str(tmp_path)], tmp_path / "out")]
    assert found == ["a.JPG", "field-depth.jpg"]
