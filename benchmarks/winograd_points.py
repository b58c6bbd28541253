"""How strongly rounding errors reach the outputs of a Winograd convolution: ``python -m benchmarks.winograd_points``.

F(4x4, 3x3) evaluates polynomials at 0, +-a, +-b and infinity. Whatever a and b are, the result is the same but for
the rounding of transformed inputs and weights, whose errors are proportional to the size of the numbers. For inputs
whose neighbours correlate by rho and weights that do not, the table has the variance of the output's error over that
of direct convolution, in dB.
"""

from __future__ import annotations

import argparse
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_OUTPUTS, _TAPS = 4, 3
_CORRELATIONS = (0.0, 0.5, 0.8, 0.95)


def transforms(points: list[float]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The matrices B' (6, 6), G (6, 3) and A' (4, 6) for five finite points and infinity (Toom-Cook)."""

    def evaluate(degree: int) -> NDArray[np.float64]:
        matrix = np.zeros((len(points) + 1, degree))
        matrix[:-1] = [[point**power for power in range(degree)] for point in points]
        matrix[-1, -1] = 1  # infinity: the leading coefficient
        return matrix

    return np.linalg.inv(evaluate(_OUTPUTS + _TAPS - 1)).T, evaluate(_TAPS), evaluate(_OUTPUTS).T


def amplification(near: float, far: float, correlation: float) -> float:
    """Variance of the output's error in units of that of a direct convolution, in two dimensions, in dB."""
    b, g, a = transforms([0, near, -near, far, -far])
    covariance = correlation ** np.abs(np.subtract.outer(np.arange(len(b)), np.arange(len(b))))
    inputs = np.einsum("pi,ij,pj->p", b, covariance, b)  # variance at each point
    along_one_axis = ((a**2).sum(0) * (g**2).sum(1) * inputs).sum() / (_OUTPUTS * _TAPS)
    return float(20 * np.log10(along_one_axis))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--denominator", type=int, default=16, help="points are multiples of 1 over this (default: 16)")
    parser.add_argument("--best", type=int, default=5, help="how many are shown (default: 5)")
    arguments = parser.parse_args()
    step = Fraction(1, arguments.denominator)
    nears = [step * i for i in range(1, arguments.denominator)]
    fars = [step * i for i in range(arguments.denominator, 2 * arguments.denominator + 1)]
    found = {(a, b): [amplification(float(a), float(b), rho) for rho in _CORRELATIONS] for a in nears for b in fars}
    one_and_two = (Fraction(1), Fraction(2))
    found[one_and_two] = [amplification(1, 2, rho) for rho in _CORRELATIONS]
    print("| a | b | " + " | ".join(f"rho {rho:g}" for rho in _CORRELATIONS) + " |")
    print("|---" * (2 + len(_CORRELATIONS)) + "|")
    for points in [*sorted(found, key=lambda points: sum(found[points]))[: arguments.best], one_and_two]:
        print(f"| {points[0]} | {points[1]} | " + " | ".join(f"{gain:.1f}" for gain in found[points]) + " |")


if __name__ == "__main__":
    main()
