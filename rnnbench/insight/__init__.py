"""Measurements of why memory ends: gradients, gates, hand-picked weights, random search. No function here prints.

_measurements.py   the public functions, from keyword arguments to DataFrames; start here
_load.py           a network at initialisation or from a finished run
_gradients.py      gradient norms against the distance to the answer
_gates.py          gate values at every time step, and half-lives
_constructions.py  hand-picked weights that solve a task at any gap
_trade_off.py      one unit that stores a bit: either robust or learnable
_sensitivity.py    slope of the output in the parameters, against the gap
_random_search.py  random weights until one network solves the task
_remembrance.py    replaced early inputs, and accuracy by position
_extrapolation.py  a trained network at other gaps
_arguments.py      the types of their arguments, with what they accept
"""

from rnnbench.insight._extrapolation import measure_extrapolation
from rnnbench.insight._measurements import (
    Gates,
    Gradients,
    measure_constructions,
    measure_gates,
    measure_gradients,
    measure_guesses,
    train_constructions,
)
from rnnbench.insight._remembrance import measure_positions, measure_remembrance
from rnnbench.insight._sensitivity import measure_sensitivity

__all__ = [
    "Gates",
    "Gradients",
    "measure_constructions",
    "measure_extrapolation",
    "measure_gates",
    "measure_gradients",
    "measure_guesses",
    "measure_positions",
    "measure_remembrance",
    "measure_sensitivity",
    "train_constructions",
]
