"""What was freed goes back to the system."""

import subprocess
import sys

GAPS = """
from dermscan.daemon.memory import give_back_freed

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096

blocks = [bytes(3000) for _ in range(50_000)]
kept = blocks[::50]  # what lives on among what is freed keeps the C library from giving any of it back
del blocks
before = resident()
give_back_freed()
print(before - resident(), len(kept))
"""


def test_gaps_among_what_lives_on_are_given_back() -> None:
    told = subprocess.run([sys.executable, "-c", GAPS], capture_output=True, text=True, check=True).stdout
    assert int(told.split()[0]) > 50_000_000
