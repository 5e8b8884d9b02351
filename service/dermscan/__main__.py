"""`python -m dermscan` is the same as `dermscan`."""

from dermscan.cli.main import main

main()
