"""Controls that the papers do not have: what of the cut, and of GradScale, does it; and is the rate a fair one?

A cut by c divides a weight by c and multiplies its gradient by about c, so that one which feeds a batch norm, and
works by its direction alone, turns c^2 times as fast. The controls take this apart: small norms without fast weights
(the last layer alone), fast weights without small norms (rates times c or c^2, all of them or those before a batch
norm), and GradScale's own rate and warm-up with p = 0.
"""

from __future__ import annotations

from ssllib.runs.experiments.grid import Cell
from ssllib.runs.experiments.interventions import default_of, untrained, with_gradscale
from ssllib.runs.experiments.regimes import CUT, METHODS, PAIR, enter


def cut_controls(scale: str) -> list[Cell]:
    """For each method the default, the cut of all parameters, parts of the cut, and its rates without its norms."""
    cells = []
    for method in METHODS:
        base, c = default_of(method, scale), CUT[method]
        arms = {
            "default": base,
            "cut": base.replace(cut=c),
            "cut-last": base.replace(cut=c, cut_which="last"),
            "cut-all-but-last": base.replace(cut=c, cut_which="all-but-last"),
            "cut-weights": base.replace(cut=c, cut_which="weights"),
            "rate-c": base.replace(lr=base.lr * c),
            "rate-c2": base.replace(lr=base.lr * c**2),
            "rate-c2-before-bn": base.replace(rate_before_norm=c**2),
            "untrained": untrained(base),
        }
        cells += [Cell(f"{method}-{name}", config) for name, config in arms.items()]
    return cells


enter("cut-controls", "What of the cut does it: small norms or fast weights", cut_controls)


def gradscales(scale: str) -> list[Cell]:
    """GradScale with p = 0, 1, 2 on the paper's schedule for it, and with p = 1 on others."""
    cells = []
    for method in PAIR:
        base = default_of(method, scale)
        p1 = with_gradscale(base)
        arms = {
            "default": base,
            "p0-schedule": p1.replace(gradscale=0.0),
            "p1": p1,
            "p1-third": p1.replace(lr=base.lr / 3),
            "p1-full": p1.replace(lr=base.lr),
            "p2": p1.replace(gradscale=2.0),
            "p1-short": p1.replace(warmup_epochs=base.warmup_epochs),
        }
        cells += [Cell(f"{method}-{name}", config) for name, config in arms.items()]
    return cells


enter("gradscale", "GradScale's power, and its rate and warm-up without it", gradscales)

RATES = {"quarter": 0.25, "half": 0.5, "paper": 1.0, "double": 2.0, "four": 4.0, "sixteen": 16.0, "sixty-four": 64.0}
"""Times the paper's rate. The last two are for a method whose best rate tried is the largest tried before them."""


def rates(scale: str) -> list[Cell]:
    """The default arm alone at rates around the paper's, on a seed that no other experiment uses.

    Read on held-out images (`knn_val`), before any other arm: is the paper's rate, made for its network, a fair one
    for this one?
    """
    cells = []
    for method in METHODS:
        base = default_of(method, scale).replace(measures=())
        cells += [Cell(f"{method}-{name}", base.replace(lr=base.lr * times), (100,)) for name, times in RATES.items()]
    return cells


enter("rates", "The default arm at rates around the paper's", rates, ("cpu", "gpu"))

BEST = {"simclr": 16.0}
"""Where `rates` finds the default's best further away than a factor of four: times the paper's rate."""


def best_rates(scale: str) -> list[Cell]:
    """Default and cut at the best rate of the default, the decay lower by as much, so that their product stays.

    A cut by c is a rate times c^2 with a decay over c^2 as far as lengths leave no trace: a default whose rate was
    tuned has been cut already. The other experiments keep the paper's rate; here the cut has to do more than a rate.
    """
    cells = []
    for method, times in BEST.items():
        base = default_of(method, scale)
        tuned = base.replace(lr=base.lr * times, weight_decay=base.weight_decay / times)
        cells += [Cell(f"{method}-default", tuned), Cell(f"{method}-cut", tuned.replace(cut=CUT[method]))]
    return cells


enter("best-rate", "The cut where the default has its best rate", best_rates, ("cpu",))
