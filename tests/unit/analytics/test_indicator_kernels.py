"""What the kernels of the indicators share: the sums of a window, and the numbers of the kinds."""

import numpy as np
import pytest

from schemas.jit import kernel
from streams.core.analytics.indicators import ring, steps
from streams.core.analytics.rows import Floats


@kernel
def both_means(numbers: Floats, length: int, means: Floats) -> None:
    """The means of the last numbers, from sums that are kept and over the whole window."""
    state = np.zeros(ring.HEAD + length + ring.SUMS)
    for i in range(len(numbers)):
        ring.push_summed(state, 0, length, numbers[i])
        means[0, i], means[1, i] = ring.summed_mean(state, 0, length), ring.mean(state, 0, length)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 7, 8, 19, 20])
def test_sums_that_are_kept_give_the_bits_of_the_whole_window(length: int):
    random = np.random.default_rng(length)
    numbers = random.normal(size=300) * 10.0 ** random.integers(-12, 12, 300)
    means = np.zeros((2, 300))
    both_means(numbers, length, means)
    assert means[0].tobytes() == means[1].tobytes()
    plain = [numbers[at - length : at].sum() / length for at in range(length, 301)]
    scale = [np.abs(numbers[at - length : at]).max() for at in range(length, 301)]
    assert np.abs((means[0, length - 1 :] - plain) / scale).max() < 1e-15 * length


def test_kinds_are_numbered_as_they_are_ordered():
    numbers = [getattr(steps, module.INDICATOR.kind.upper()) for module in steps.ORDER]
    assert numbers == list(range(len(steps.ORDER)))
