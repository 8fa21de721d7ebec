"""The simulated help day: near the best that anybody could have done, far above first come first served."""

import pytest

from bench import helpday


@pytest.mark.parametrize("seed", [0, 1, 39, 53])  # the last two: a tenth more to do than there is time
def test_a_day_is_planned_and_kept_near_the_optimum(seed: int) -> None:
    asks, helpers, truth = helpday.made(seed)
    ours = helpday.planned_day(asks, helpers, truth)
    assert ours.answered >= 0.95 * helpday.bound(asks, helpers, truth)
    assert ours.answered > helpday.first_come(asks, helpers, truth).answered
