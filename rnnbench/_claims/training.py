"""Claims about what gradient descent on a vanilla RNN can and cannot do."""

from __future__ import annotations

from collections.abc import Iterator

from rnnbench._claims.claim import Claim, by_outcomes, each_group, group_by, seed_sweep
from rnnbench._claims.evidence import RecipeRuns

CLASSIC_TASKS = ["copy", "adding", "beijing", "recall"]
RATES = [0.02, 0.005, 0.001]
"""Learning rates that are tried for a claim of failure."""


@by_outcomes
def harder_with_gap(groups: list[RecipeRuns]) -> Iterator[bool]:
    """Yield, for every task, whether the largest gap is harder: fewer seeds, then more steps, then less skill."""
    for here in group_by(groups, "task").values():
        here.sort(key=lambda one: one.run.gap)
        near, far = ((-one.solved / one.seeds, one.steps, -one.skill) for one in (here[0], here[-1]))
        yield near < far


TRAINING_CLAIMS = (
    Claim(
        name="difficulty-grows",
        statement="Gradient descent becomes increasingly inefficient as the temporal span of the dependencies grows.",
        source="Bengio, Simard & Frasconi 1994, abstract",
        rule=harder_with_gap,
        needs=(seed_sweep(cell=["rnn"], task=CLASSIC_TASKS, gap=[10, 50, 200], lr=RATES),),
        quick=(seed_sweep(cell=["rnn"], task=["recall"], gap=[10, 100], lr=[0.005], seed=[0, 1]),),
    ),
    Claim(
        name="rnn-fails-at-20",
        statement="The probability of successful training of a traditional RNN by gradient descent rapidly reaches 0 for sequences "
        "of only length 10 or 20.",
        source="Goodfellow, Bengio & Courville 2016, section 10.7, of the experiments of Bengio et al. 1994",
        rule=each_group(lambda group: group.solved == 0),
        needs=(seed_sweep(cell=["rnn"], task=CLASSIC_TASKS, gap=[20], lr=RATES),),
        quick=(seed_sweep(cell=["rnn"], task=["beijing", "recall"], gap=[20], lr=[0.005, 0.001], seed=[0, 1]),),
    ),
    Claim(
        name="rnn-cannot-latch-far",
        statement="A recurrent network cannot learn by gradient descent to latch one bit of information over long spans.",
        source="Bengio, Simard & Frasconi 1994, sections II and IV",
        rule=each_group(lambda group: group.hardly_solved),
        needs=(seed_sweep(cell=["rnn"], task=["beijing"], gap=[100, 200, 500], lr=RATES),),
        quick=(seed_sweep(cell=["rnn"], task=["beijing"], gap=[200], lr=RATES, seed=[0, 1]),),
    ),
    Claim(
        name="rnn-cannot-copy-far",
        statement="On the copying problem a simple RNN gets the cross entropy of the memoryless baseline at 100 steps and beyond.",
        source="Arjovsky, Shah & Bengio 2016, section 5.1",
        rule=each_group(lambda group: group.skill < 0.05),
        needs=(seed_sweep(cell=["rnn"], task=["copy"], gap=[100, 200, 500], lr=RATES),),
        quick=(seed_sweep(cell=["rnn"], task=["copy"], gap=[100], lr=[0.005], max_steps=2000, seed=[0, 1]),),
    ),
    Claim(
        name="rnn-cannot-add-far",
        statement="On the adding problem a tanh RNN does no better than the baseline of 1/6 at length 100 and beyond.",
        source="Le, Jaitly & Hinton 2015, section 4.1; Arjovsky, Shah & Bengio 2016, section 5.2",
        rule=each_group(lambda group: group.skill < 0.05),
        needs=(seed_sweep(cell=["rnn"], task=["adding"], gap=[50, 100, 200], lr=RATES),),
        quick=(seed_sweep(cell=["rnn"], task=["adding"], gap=[50], lr=[0.005], max_steps=2000, seed=[0, 1]),),
    ),
)
