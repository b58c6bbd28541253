"""How strongly rounding errors reach the outputs of a Winograd convolution: ``python -m benchmarks.winograd_points``.

F(m x m, 3x3) evaluates polynomials at 0, infinity, and plus and minus m / 2 numbers. Whatever these are, the result is
the same but for the rounding of transformed inputs and weights, whose errors are proportional to the size of the
numbers. For inputs whose neighbours correlate by rho and weights that do not, the table has the variance of the
output's error over that of direct convolution, in dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from training.cli.parser import CommandParser, one_line_errors

_TAPS = 3
_CORRELATIONS = (0.0, 0.5, 0.8, 0.95)
_LARGEST = Fraction(5, 2)
_USUAL = {4: (Fraction(1), Fraction(2)), 6: (Fraction(1, 2), Fraction(1), Fraction(2))}


def transforms(
    points: Sequence[float], outputs: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The matrices B' (m + 2, m + 2), G (m + 2, 3) and A' (m, m + 2) for m outputs, m + 1 finite points and infinity
    (Toom-Cook)."""

    def evaluate(degree: int) -> NDArray[np.float64]:
        matrix = np.zeros((len(points) + 1, degree))
        matrix[:-1] = [[point**power for power in range(degree)] for point in points]
        matrix[-1, -1] = 1  # infinity: the leading coefficient
        return matrix

    return np.linalg.inv(evaluate(outputs + _TAPS - 1)).T, evaluate(_TAPS), evaluate(outputs).T


def amplifications(magnitudes: Sequence[Fraction]) -> list[float]:
    """Variance of the output's error in units of that of a direct convolution, in two dimensions, in dB, for each
    correlation. ``magnitudes``: where the polynomials are evaluated, with both signs."""
    outputs = 2 * len(magnitudes)
    b, g, a = transforms([0, *(sign * float(at) for at in magnitudes for sign in (1, -1))], outputs)
    distances = np.abs(np.subtract.outer(np.arange(len(b)), np.arange(len(b))))
    gains = []
    for correlation in _CORRELATIONS:
        inputs = ((b @ correlation**distances) * b).sum(1)  # variance at each point
        along_one_axis = ((a**2).sum(0) * (g**2).sum(1) * inputs).sum() / (outputs * _TAPS)
        gains.append(float(20 * np.log10(along_one_axis)))
    return gains


def print_table(outputs: int, denominator: int, best: int) -> None:
    """A row for each of the best choices of points, and one for the usual one."""
    if denominator < 1:
        raise InputError(f"--denominator must be at least 1, got {denominator}")
    step = Fraction(1, denominator)
    numbers = [step * i for i in range(1, int(_LARGEST / step) + 1)]
    found = {points: amplifications(points) for points in combinations(numbers, outputs // 2)}
    usual = _USUAL[outputs]
    found[usual] = amplifications(usual)
    print("| points, with both signs | " + " | ".join(f"rho {rho:g}" for rho in _CORRELATIONS) + " |")
    print("|---" * (1 + len(_CORRELATIONS)) + "|")
    for points in [*sorted(found, key=lambda points: sum(found[points]))[:best], usual]:
        print(f"| {', '.join(map(str, points))} | " + " | ".join(f"{gain:.1f}" for gain in found[points]) + " |")


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--outputs", type=int, choices=sorted(_USUAL), default=6, help="m (default: 6)")
    parser.add_argument("--denominator", type=int, default=16, help="points are multiples of 1 over this (default: 16)")
    parser.add_argument("--best", type=int, default=5, help="how many are shown (default: 5)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        print_table(arguments.outputs, arguments.denominator, arguments.best)


if __name__ == "__main__":
    main()
