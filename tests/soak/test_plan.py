from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from soak.faults import FAULTS
from soak.plan import DEADLY, GENTLE, Plan


def test_every_fault_of_the_plan_can_be_brought_about_and_none_is_forgotten() -> None:
    assert sorted(DEADLY + GENTLE) == sorted(FAULTS)


@given(st.integers())
def test_once_is_every_fault_once_and_the_deadly_ones_first(seed: int) -> None:
    order = list(Plan(seed).once())
    assert sorted(order) == sorted(FAULTS)
    assert set(order[: len(DEADLY)]) == set(DEADLY)


@given(st.integers(), st.integers(0, 40))
def test_the_same_seed_gives_the_same_faults_and_no_deadly_one_late(seed: int, early: int) -> None:
    plan, again = Plan(seed), Plan(seed)
    drawn = [plan.draw(late=number >= early) for number in range(60)]
    assert drawn == [again.draw(late=number >= early) for number in range(60)]
    assert not set(drawn[early:]) & set(DEADLY)


def test_every_kind_comes_equally_often() -> None:
    plan = Plan(3)
    rounds = [sorted(plan.draw(late=False) for _ in FAULTS) for _ in range(5)]
    assert all(drawn == sorted(FAULTS) for drawn in rounds)


def test_what_is_impossible_here_is_left_out() -> None:
    assert list(islice(Plan(1, ("blur", "kill")).once(), 9)) == ["kill", "blur"]
