from pathlib import Path

import cv2
import numpy as np
import pytest

from dermscan.domain import DiagnosisCode
from dermscan.errors import InputError
from dermscan.evaluation.pictures import read_mask, read_picture
from dermscan.evaluation.table import LabelledImage, open_table

HEADER = "image_id,folder,image,mask,dx,lesion_id,source,modality,width,height\n"


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "lesions.csv"
    path.write_text(HEADER + "".join(row + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(path: Path, limit: int | None = None) -> list[LabelledImage]:
    return list(open_table(path, limit).images())


def test_files_are_relative_to_the_table(tmp_path: Path) -> None:
    first, second = rows_of(table(tmp_path, "a,f,i/a.jpg,m/a.png,MEL,l,S,d,1,1", "b,f,i/b.jpg,,,l,S,d,1,1"))
    assert first.image == tmp_path / "i/a.jpg"
    assert first.mask == tmp_path / "m/a.png"
    assert first.dx is DiagnosisCode.MEL
    assert first.source == "S"
    assert second.mask is None
    assert second.dx is None


def test_a_limit_takes_rows_from_the_whole_table(tmp_path: Path) -> None:
    rows = rows_of(table(tmp_path, *(f"{n},f,i,m,NV,l,S,d,1,1" for n in range(100))), limit=4)
    assert [row.image_id for row in rows] == ["0", "25", "50", "75"]


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (7, 7), (99, 99), (100, 100), (1000, 100), (None, 100)])
def test_a_table_knows_how_many_rows_are_judged(tmp_path: Path, limit: int | None, count: int) -> None:
    found = open_table(table(tmp_path, *(f"{n},f,i,m,NV,l,S,d,1,1" for n in range(100))), limit)
    names = [image.image_id for image in found.images()]
    assert (found.rows, found.count) == (100, count)
    assert len(set(names)) == len(names) == count


def test_a_table_of_other_bytes_has_another_hash(tmp_path: Path) -> None:
    first = open_table(table(tmp_path, "a,f,i,m,NV,l,S,d,1,1"))
    assert open_table(first.path) == first
    assert open_table(table(tmp_path, "a,f,i,m,MEL,l,S,d,1,1")).sha256 != first.sha256


def test_a_bad_row_is_told_before_the_work(tmp_path: Path) -> None:
    rows = [f"{n},f,i,m,NV,l,S,d,1,1" for n in range(50)]
    with pytest.raises(InputError, match="line 52"):
        open_table(table(tmp_path, *rows, "x,f,i,m,XYZ,l,S,d,1,1"), limit=1)


@pytest.mark.parametrize(
    "row", ["a,f,i/a.jpg,m,XYZ,l,S,d,1,1", ",f,i/a.jpg,m,NV,l,S,d,1,1", "../a,f,i,m,NV,l,S,d,1,1", "a"]
)
def test_a_bad_row_names_its_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(InputError, match="line 2"):
        open_table(table(tmp_path, row))


def test_what_is_no_table_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        open_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no rows"):
        open_table(table(tmp_path))
    (tmp_path / "short.csv").write_text("image_id,image\n", encoding="utf-8")
    with pytest.raises(InputError, match="lacks the column mask"):
        open_table(tmp_path / "short.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="no CSV"):
        open_table(tmp_path / "binary.csv")


def test_a_picture_is_read_in_rgb_order(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    cv2.imwrite(str(path), np.full((3, 4, 3), (0, 0, 255), np.uint8))
    assert (read_picture(path) == (255, 0, 0)).all()


def test_a_mask_is_white_on_the_lesion(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    cv2.imwrite(str(path), np.array([[0, 255]], np.uint8))
    assert read_mask(path).tolist() == [[False, True]]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40])
def test_an_unreadable_picture_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no picture"):
        read_picture(path)
