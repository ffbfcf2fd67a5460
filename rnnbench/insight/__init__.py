"""Why not further: what the gradients, the gates and hand-picked weights say. Tensors in, DataFrames out; nothing here prints.

_measurements.py   the public functions: from the words of the flags to DataFrames; start here
_load.py           a network at initialisation or from a finished run
_gradients.py      how the gradient fades through the gap
_gates.py          gate values word by word, and half-lives
_constructions.py  hand-picked weights that solve a task at any gap
_trade_off.py      one unit that holds a bit: robust, or learnable
_sensitivity.py    how the output depends on the parameters, against the gap
_random_search.py  random weights until one network solves the task
_extrapolation.py  a trained network at other gaps
_kept.py           tables written row by row, which resume
"""

from rnnbench.insight._measurements import (
    Gates,
    Gradients,
    measure_constructions,
    measure_gates,
    measure_gradients,
    measure_guesses,
    train_constructions,
)
from rnnbench.insight._sensitivity import measure_sensitivity

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
