from dermscan.daemon.pulse import Pulse


def test_a_pulse_dies_without_beats_and_lives_again() -> None:
    now = [100.0]
    pulse = Pulse(2.0, lambda: now[0])
    seen = [pulse.alive]
    for moment in (102.0, 102.1):
        now[0] = moment
        seen.append(pulse.alive)
    pulse.beat()
    seen.append(pulse.alive)
    assert seen == [True, True, False, True]
