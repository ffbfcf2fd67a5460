"""Why not further: what the gradients, the gates and hand-picked weights say. Tensors in, DataFrames out; nothing here prints.

measures.py       what the commands measure, as functions from the words of the flags to DataFrames: start here
networks.py       a network at initialisation or from a finished run, in the precision asked for, and one pass through it
gradients.py      how the gradient fades on its way back through the gap
gates.py          what the gates do while a sentence is read, and the half-lives they imply
constructions.py  weights picked by hand that solve a task at any gap
trade_off.py      one unit that holds a bit: robust, or learnable
sensitivity.py    how the output depends on the parameters, against the gap
guess.py          weights guessed at random until the task is solved
extrapolation.py  a trained network at gaps it was not trained at
kept.py           tables that are written row by row, and resume
"""

from rnnbench.insight.measures import (
    Gates,
    Gradients,
    measure_constructions,
    measure_gates,
    measure_gradients,
    measure_guesses,
    train_constructions,
)
from rnnbench.insight.sensitivity import measure_sensitivity

__all__ = [
    "Gates",
    "Gradients",
    "measure_constructions",
    "measure_gates",
    "measure_gradients",
    "measure_guesses",
    "measure_sensitivity",
    "train_constructions",
]
