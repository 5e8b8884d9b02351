from pathlib import Path

from power.kill_service import Device, killed


def test_a_process_killed_at_random_instants_loses_nothing(tmp_path: Path) -> None:
    """A few kills of the many; `deploy/prove-power-cuts` makes 500, and as many of the whole service."""
    proof = killed(12, Device(tmp_path, filing_only=True), lambda _device: None)
    assert (proof["kills"], proof["lost"]) == (12, 0)
    there, said = proof["scans_there"], proof["scans_said_to_be_filed"]
    assert isinstance(there, int)
    assert isinstance(said, int)
    assert there >= said >= 2
