"""How often the interval of a memory score covers the true score: simulated, for counts and for continuous skill.

    python tests/benchmarks/score_coverage.py

Prints one line per number of seeds and kind of skill, with the coverage for every shape of a curve. At chance a skill
varies around 0, and the package counts what is below 0 as 0, so that the true skill there is slightly above 0.
"""

from __future__ import annotations

import numpy as np

from rnnbench._analysis import scores

GAPS = (10, 50, 200, 1000)
CURVES = {
    "falling": (0.98, 0.8, 0.4, 0.05),
    "cliff": (0.99, 0.99, 0.02, 0.01),
    "high": (1.0, 0.98, 0.95, 0.9),
    "low": (0.4, 0.1, 0.0, 0.0),
    "chance": (0.0, 0.0, 0.0, 0.0),
    "half": (0.9, 0.7, 0.5, 0.3),
}
NOISE = 0.02
"""The standard deviation of skill at chance: about that of 10,240 answers, and of what a network learned in vain."""
REPEATS = 2000


def draw(mean: float, n: int, binary: bool, generator: np.random.Generator) -> list[float]:
    """Draw the skill of n seeds with a mean: solved or not, a Beta variable with a spread like that of accuracies, or chance."""
    if not binary and mean == 0.0:
        return np.maximum(generator.normal(0, NOISE, n), 0.0).tolist()
    if binary or mean == 1.0:
        return (generator.random(n) < mean).astype(float).tolist()
    return generator.beta(4 * mean, 4 * (1 - mean), n).tolist()


def main() -> None:
    scores.DRAWS = 1000
    generator = np.random.default_rng(1)
    for binary in (True, False):
        for n in (3, 5, 10):
            covered = {}
            for name, means in CURVES.items():
                at_chance = 0.0 if binary else NOISE / np.sqrt(2 * np.pi)  # the mean of a normal variable cut at 0
                truth = scores.memory_score({gap: mean or at_chance for gap, mean in zip(GAPS, means, strict=True)})
                hits = 0
                for _ in range(REPEATS):
                    drawn = {gap: draw(mean, n, binary, generator) for gap, mean in zip(GAPS, means, strict=True)}
                    low, high = scores.score_interval(drawn)
                    hits += low <= truth <= high
                covered[name] = hits / REPEATS
            words = ", ".join(f"{name} {share:.3f}" for name, share in covered.items())
            print(f"{'solved or not' if binary else 'continuous'}, {n} seeds: {words}")


if __name__ == "__main__":
    main()
