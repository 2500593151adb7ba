"""Speed, side by side with peers: `python -m benchmarks [NAME ...]` measures and updates the README's table.

Each comparison is one file with a function `measure(options) -> Report`. The sides of a comparison take turns
in one process (A B A B ...), so that a machine that is also busy with something else slows all of them, and
a ratio is the median of the ratios of neighbours. Times are never part of the tests.
"""
