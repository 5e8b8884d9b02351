"""How fast a bundle runs on this machine, against others and against what the machine can do. It judges no accuracy."""
