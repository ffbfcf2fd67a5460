"""Imports of the process that workers are forked from, so that no worker spends up to two seconds on them.

Only imports: threads of PyTorch would not survive the fork, so no tensor is computed here.
"""

import contextlib

import rnnbench._training.runner

with contextlib.suppress(Exception):
    import torch._dynamo  # noqa: F401  # an optimiser imports it when it is made

with contextlib.suppress(Exception):  # numba is optional, and a sweep runs without it
    import rnnbench._engine.build  # noqa: F401
