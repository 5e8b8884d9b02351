"""A course stops and goes on; the student does what its prompts ask; a mixture is the mean."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import House

# The exporter warns of its own ways, in categories of its own.
pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore")]


def line_course(house: House, folder: Path, minutes: float) -> Any:
    """A course that fits a line, and what it is fed."""
    torch, training = house("torch"), house("training")
    torch.manual_seed(0)
    plan = training.Plan(minutes, (4,), 0.05, folder, "line")
    return training.Course(torch.nn.Linear(1, 1), plan)


def fed(house: House) -> tuple[Any, Any, Any]:
    torch = house("torch")

    def batch(random: np.random.Generator, size: int) -> Any:
        given = torch.from_numpy(random.uniform(-1, 1, (size, 1)).astype(np.float32))
        return given, 2 * given + 1

    def loss(network: Any, pair: Any) -> Any:
        return (network(pair[0]) - pair[1]).square().mean()

    def judge(network: Any) -> dict[str, float]:
        return {"slope": network.weight.item()}

    return batch, loss, judge


def test_a_course_goes_on_where_it_was_stopped(house: House, tmp_path: Path) -> None:
    batch, loss, judge = fed(house)
    first = line_course(house, tmp_path, 0.002)
    first.run(batch, loss, judge)
    second = line_course(house, tmp_path, 0.02)
    assert (second.step, second.seconds) == (first.step, first.seconds)
    learnt = second.run(batch, loss, judge)
    assert second.step > first.step
    assert learnt.weight.item() == pytest.approx(2, abs=0.1)
    assert len((tmp_path / "line.jsonl").read_text().splitlines()) == 2


def test_a_mixture_is_the_mean_of_its_courses(house: House) -> None:
    torch = house("torch")
    states = [{"weight": torch.full((2,), value), "count": torch.tensor(3)} for value in (1.0, 3.0)]
    mixed = house("soup").mixed(states)
    assert mixed["weight"].tolist() == [2.0, 2.0]
    assert mixed["count"].item() == 3


def test_a_prompt_is_drawn_where_it_points(house: House) -> None:
    torch, student = house("torch"), house("student")
    points = torch.zeros(1, student.POINTS, 2)
    labels = torch.full((1, student.POINTS), -1.0)
    points[0, 0], labels[0, 0] = torch.tensor([42.0, 22.0]), 1.0
    fields = student.prompt_fields(16, torch.tensor([[[16.0, 16.0, 48.0, 32.0]]]), points, labels)[0]
    inside, lesion, skin = fields[4], fields[5], fields[6]
    assert inside[5, 7] > 0.9
    assert inside[14, 14] < 0.1
    assert divmod(int(lesion.argmax()), 16) == (5, 10)
    assert skin.max() == 0


def test_the_exported_student_answers_as_the_one_that_was_taught(house: House, tmp_path: Path) -> None:
    torch, student, export = house("torch"), house("student"), house("export_student")
    torch.manual_seed(1)
    taught = student.Student().eval()
    paths = export.export_parts(taught, tmp_path)
    network = house("segmenting").OnnxNetwork(*paths, threads=1)
    image = np.random.default_rng(0).normal(0, 0.5, (1, 3, 256, 256)).astype(np.float32)
    box = np.array([[[60, 70, 180, 200]]], np.float32)
    nothing = torch.zeros(1, student.POINTS, 2), torch.full((1, student.POINTS), -1.0)
    with torch.no_grad():
        expected, _, _ = taught(torch.from_numpy(image), torch.from_numpy(box), *nothing)
    np.testing.assert_allclose(network.decode(network.embed(image), box), expected.numpy(), atol=2e-3)


def test_a_perfect_mask_costs_less_than_a_shifted_one(house: House) -> None:
    torch, lesson = house("torch"), house("train_student")
    masks = torch.zeros(1, 1, 32, 32)
    masks[..., 8:24, 8:24] = 1
    overlap = torch.ones(1, 1)
    right, shifted = (20 * torch.roll(masks, by, 3) - 10 for by in (0, 4))
    assert lesson.outline_loss(right, overlap, masks) < 0.01
    assert lesson.outline_loss(shifted, overlap, masks) > 0.2


def test_a_code_that_no_picture_shows_is_unlearned(house: House) -> None:
    """An adjustment by nearly nought would let its logit be as great as it likes, at no cost."""
    assert house("train_classifier").adjusting(np.array([0.75, 0.25, 0.0])).tolist() == [0.75, 0.25, 1.0]
