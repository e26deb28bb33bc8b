import pytest

from cocnet.errors import CocnetWarning
from cocnet.files.result_cache import kept

FACTS = {"photos": 2, "seed": 0}


def test_what_is_there_is_not_made_again(tmp_path):
    assert kept(tmp_path, "a part", FACTS, lambda: [1.5]) == [1.5]
    assert kept(tmp_path, "a part", FACTS, lambda: pytest.fail("made again")) == [1.5]


def test_other_facts_are_another_part(tmp_path):
    kept(tmp_path, "a part", FACTS, lambda: 1)
    assert kept(tmp_path, "a part", FACTS | {"seed": 1}, lambda: 2) == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"facts": {}}'])
def test_a_damaged_part_is_made_again_and_named(tmp_path, damage):
    kept(tmp_path, "a part", FACTS, lambda: 1)
    (path,) = tmp_path.iterdir()
    path.write_text(damage, encoding="utf-8")
    with pytest.warns(CocnetWarning, match=path.name):
        assert kept(tmp_path, "a part", FACTS, lambda: 2) == 2
    assert kept(tmp_path, "a part", FACTS, lambda: 3) == 2


def test_without_a_folder_nothing_is_kept():
    assert kept(None, "a part", FACTS, lambda: 1) == 1
    assert kept(None, "a part", FACTS, lambda: 2) == 2
