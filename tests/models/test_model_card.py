"""The shipped card says what the measurements say."""

from pathlib import Path

from dermscan.bundle.loading import shipped_folder

from .conftest import House


def test_the_card_is_the_one_that_the_measurements_make(drawing_house: House, tmp_path: Path) -> None:
    target = tmp_path / shipped_folder().name
    target.mkdir()
    drawing_house("model_card").write_card(target)
    assert (target / "MODEL_CARD.md").read_text() == (shipped_folder() / "MODEL_CARD.md").read_text()


def test_a_missing_figure_is_a_dash_and_a_share_has_three_decimals(drawing_house: House) -> None:
    table = drawing_house("model_card").table(["set", "images", "Dice"], [["a", 3, 0.93456], ["b", 0, None]])
    assert table.splitlines()[2:] == ["| a | 3 | 0.935 |", "| b | 0 | - |"]
