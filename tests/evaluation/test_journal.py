"""What was judged is there again after an end at any byte, and nothing damaged is taken for it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.domain import DiagnosisCode, IndeterminateReason, RiskBand
from dermscan.errors import InputError, OutputError
from dermscan.evaluation.chunks import FIGURES
from dermscan.evaluation.figures import Figures
from dermscan.evaluation.journal import Journal, open_journal

SUBJECT = '{"evaluation": 1}'


def figures(name: str, risk: float | None = 12.5) -> Figures:
    return Figures(
        image_id=name,
        dx=DiagnosisCode.MEL,
        box=(1.0, 2.0, 3.0, 4.5),
        dice_gt_box=0.1 + 0.2,
        dice_auto_box=None,
        probabilities=dict.fromkeys(DiagnosisCode, 1 / 8),
        risk=risk,
        band=RiskBand.LOW,
        reason=IndeterminateReason.UNFAMILIAR,
        stages={"total": 1 / 3},
    )


def text(*names: str) -> str:
    return FIGURES.dump_json(tuple(figures(name) for name in names)).decode()


def filled(path: Path) -> Path:
    with open_journal(path, SUBJECT, 3) as journal:
        for number in (2, 0, 1):
            journal.append(number, text(f"{number}-a", f"{number}-b"))
    return path


def names_of(path: Path) -> list[str]:
    with open_journal(path, SUBJECT, 3) as journal:
        return [one.image_id for one in journal.figures()]


@given(st.floats(0, 100), st.floats(allow_nan=False, allow_infinity=False))
def test_figures_are_the_same_to_the_last_bit(risk: float, other: float) -> None:
    one = figures("a", risk).model_copy(update={"stages": {"roi": other}})
    (back,) = FIGURES.validate_json(FIGURES.dump_json((one,)))
    assert back == one


def test_chunks_come_back_in_the_tables_order(tmp_path: Path) -> None:
    assert names_of(filled(tmp_path / "j")) == ["0-a", "0-b", "1-a", "1-b", "2-a", "2-b"]


def test_an_end_at_any_byte_costs_only_the_last_chunk(tmp_path: Path) -> None:
    whole = filled(tmp_path / "j").read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(len(lines[0]), len(whole), 11):
        (tmp_path / "cut").write_bytes(whole[:length])
        kept = whole[:length].count(b"\n") - 1
        with open_journal(tmp_path / "cut", SUBJECT, 3) as journal:
            assert [number for number in (2, 0, 1) if number in journal] == [2, 0, 1][:kept]
            for number in (2, 0, 1)[kept:]:
                journal.append(number, text(f"{number}-a", f"{number}-b"))
        assert (tmp_path / "cut").read_bytes() == whole


def test_no_altered_byte_is_taken_for_a_figure(tmp_path: Path) -> None:
    whole = filled(tmp_path / "j").read_bytes()
    for place in range(0, len(whole) - 1, 7):
        altered = bytearray(whole)
        altered[place] ^= 1
        (tmp_path / "altered").write_bytes(altered)
        with pytest.raises(InputError, match=r"delete this journal to begin anew"):
            names_of(tmp_path / "altered")


def test_a_chunk_is_there_once(tmp_path: Path) -> None:
    lines = filled(tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "twice").write_bytes(b"".join([*lines, lines[1]]))
    with pytest.raises(InputError, match="twice"):
        names_of(tmp_path / "twice")


@pytest.mark.parametrize("number", ["3", "-1", "x", "9" * 30, ""])
def test_a_chunk_that_is_not_of_the_table_is_refused(tmp_path: Path, number: str) -> None:
    path = filled(tmp_path / "j")
    with open_journal(path, SUBJECT, 3) as journal:
        journal.write(f"{number} []")
    with pytest.raises(InputError, match="does not belong to it"):
        names_of(path)


def test_figures_of_another_form_are_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j", SUBJECT, 1) as journal:
        journal.append(0, '[{"image_id": "a"}]')
        with pytest.raises(InputError, match="not those of this version"):
            list(journal.figures())


def test_a_chunk_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "j")
    with open_journal(path, SUBJECT, 3) as journal:
        path.write_bytes(path.read_bytes().replace(b"0-a", b"0-c"))
        with pytest.raises(InputError, match="chunk 0 has changed"):
            list(journal.figures())


def test_another_subject_is_refused_and_left_alone(tmp_path: Path) -> None:
    before = filled(tmp_path / "j").read_bytes()
    with pytest.raises(InputError, match="another bundle, table or setting"), open_journal(tmp_path / "j", "{}", 3):
        pass
    assert (tmp_path / "j").read_bytes() == before


@pytest.mark.parametrize("content", [b"no journal", b"no journal\n", b"\xff\x00\n"])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(InputError, match="not that of a journal"):
        names_of(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == content


def test_two_evaluations_never_write_one_journal(tmp_path: Path) -> None:
    with (
        open_journal(filled(tmp_path / "j"), SUBJECT, 3),
        pytest.raises(OutputError, match="another evaluation is writing it"),
        open_journal(tmp_path / "j", SUBJECT, 3),
    ):
        pass


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"), open_journal(tmp_path / "nowhere" / "j", SUBJECT, 3):
        pass


def test_a_full_disk_is_one_sentence() -> None:
    full = Path("/dev/full")
    with full.open("wb", buffering=0) as writer, pytest.raises(OutputError, match="No space left"):
        Journal(full, writer, 3).append(0, text("a"))
