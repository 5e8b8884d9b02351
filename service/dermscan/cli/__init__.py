"""The `dermscan` command."""
