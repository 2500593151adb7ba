import pytest

from ssllib.engine.schedules import released_rate, warmup_cosine
from ssllib.errors import InputError


def test_peak_end_and_value_after_warm_up() -> None:
    rates = [warmup_cosine(s, peak=0.3, warmup_steps=10, total_steps=110) for s in range(111)]
    assert max(rates) == rates[10] == 0.3
    assert rates[0] == pytest.approx(0.3 / 11) and rates[110] == pytest.approx(0, abs=1e-15)
    assert rates[60] == pytest.approx(0.15)
    assert all(a < b for a, b in zip(rates[:10], rates[1:11], strict=True))
    assert all(a > b for a, b in zip(rates[10:-1], rates[11:], strict=True))


def test_snapshot_at_100_of_500_keeps_most_of_its_rate() -> None:
    assert warmup_cosine(100, peak=1.0, warmup_steps=10, total_steps=500) == pytest.approx(0.919, abs=0.01)


def test_without_warm_up_it_starts_at_the_peak() -> None:
    assert warmup_cosine(0, peak=0.5, warmup_steps=0, total_steps=10) == 0.5


@pytest.mark.parametrize("schedule", [warmup_cosine, released_rate])
@pytest.mark.parametrize(
    "bad", [{"step": -1}, {"total_steps": 0}, {"warmup_steps": -1}, {"peak": float("nan")}, {"step": float("nan")}]
)
def test_steps_out_of_range(schedule, bad: dict) -> None:
    with pytest.raises(InputError, match="allowed: a finite peak"):
        schedule(**({"step": 0, "peak": 1.0, "warmup_steps": 0, "total_steps": 10} | bad))
