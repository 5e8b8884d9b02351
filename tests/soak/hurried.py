"""Runs `dermscan` before a phantom whose hand is quick: a lesion every second and a half. All else is as it is."""

from dermscan.capture.phantom import motion
from dermscan.cli.main import main

motion.EMPTY_S = 0.65
motion.APPROACH_S = 0.1
motion.HELD_S = 0.6
motion.LEAVE_S = 0.1
motion.CYCLE_S = motion.EMPTY_S + motion.APPROACH_S + motion.HELD_S + motion.LEAVE_S

if __name__ == "__main__":
    main()
