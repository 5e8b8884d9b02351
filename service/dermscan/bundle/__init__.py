"""The signed set of models a device runs: what it holds, whether it is whole and gives its results."""
