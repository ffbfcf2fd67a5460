"""Loaded once by the process that workers are forked from: what each of them would load itself, up to two seconds in all.

Only imports: no tensor is computed here, since threads of PyTorch would not survive the fork.
"""

import contextlib

import rnnbench._training.runner

with contextlib.suppress(Exception):
    import torch._dynamo  # noqa: F401  # an optimiser loads it when it is made

with contextlib.suppress(Exception):  # the engine is optional, and a broken numba is no reason not to sweep
    import rnnbench._engine.build  # noqa: F401
