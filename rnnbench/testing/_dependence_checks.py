"""The checks of which inputs an output may depend on: earlier ones of the same sequence, at any length, also in training mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

from rnnbench._cell import Layer
from rnnbench.testing._fixtures import STEPS, CellFixture, close

CUTS = (1, STEPS // 2, STEPS - 1)
LONG = 64
"""Steps of a sequence that shows how modules work in chunks."""


def check_causality(fixture: CellFixture) -> Iterator[str]:
    """Check that no output depends on a later input."""
    if _depends_on_later(fixture, fixture.precise().states):
        yield "an output depends on a later input: output t may only use inputs 0 .. t"


def check_length(fixture: CellFixture) -> Iterator[str]:
    """Check that outputs depend neither on the length of the sequence nor on inputs many steps later."""
    yield from length_messages(fixture, LONG, "")


def length_messages(fixture: CellFixture, steps: int, note: str) -> Iterator[str]:
    """Yield a message if the first outputs for a sequence are not the outputs for its first inputs.

    ``note`` follows the number of steps in the message.
    """
    layer, inputs = fixture.precise(), fixture.tokens(steps=steps, sequences=2)
    with torch.no_grad():
        whole = layer.states(inputs)
        for prefix in sorted({steps * part // 8 for part in (1, 3, 5, 7)} - {0}):
            if not close(layer.states(inputs[:prefix]), whole[:prefix]) and not _chaotic(layer, inputs):
                yield (
                    f"the first {prefix} outputs depend on the inputs after them or on their number, in a sequence of {steps} "
                    f"steps{note}: output t may only use inputs 0 .. t"
                )


def check_independence(fixture: CellFixture) -> Iterator[str]:
    """Check that no sequence depends on another one of its batch, nor on their number."""
    layer, inputs = fixture.precise(), fixture.values()
    states = layer.states(inputs)
    alone = [layer.states(inputs[:, b : b + 1])[:, 0] for b in range(inputs.shape[1])]
    same = all(close(one, states[:, b]) for b, one in enumerate(alone)) or _chaotic(layer, inputs)
    if not same or _depends_on_others(fixture, layer.states):
        yield "a sequence depends on the others of its batch: the axes are (T, B, D), time first (batch_first=False)"


def check_causality_in_training(fixture: CellFixture) -> Iterator[str]:
    """Check that no output depends on a later input in training mode, as with statistics over time."""
    if _depends_on_later(fixture, _training(fixture)):
        yield "in training, an output depends on a later input: take statistics over the batch at one step, not over time"


def check_independence_in_training(fixture: CellFixture) -> Iterator[str]:
    """Report statistics over the batch."""
    if _depends_on_others(fixture, _training(fixture)):
        yield "in training, an output depends on the other sequences of its batch"


def check_uses_earlier_inputs(fixture: CellFixture) -> Iterator[str]:
    """Check that the last output depends on any earlier input."""
    layer, inputs = fixture.initialized(), fixture.values()
    last = layer.states(inputs)[-1]
    for t in range(STEPS - 1):
        changed = inputs.clone()
        changed[t] += 1
        if not torch.equal(layer.states(changed)[-1], last):
            return
    yield "an output depends only on its own input: nothing is remembered"


def _depends_on_later(fixture: CellFixture, run: Callable[[Tensor], Tensor]) -> bool:
    inputs, other = fixture.values(), fixture.values(seed=7)
    states = run(inputs)
    return not all(close(run(torch.cat((inputs[:t], other[t:])))[:t], states[:t]) for t in CUTS)


def _depends_on_others(fixture: CellFixture, run: Callable[[Tensor], Tensor]) -> bool:
    inputs = fixture.values()
    states = run(inputs)
    for b in range(inputs.shape[1]):
        changed = fixture.values(seed=7)
        changed[:, b] = inputs[:, b]
        if not close(run(changed)[:, b], states[:, b]):
            return True
    return False


def _training(fixture: CellFixture) -> Callable[[Tensor], Tensor]:
    """Return the layer's ``states`` in training mode, with the same noise and the same buffers in every call."""
    layer = fixture.precise().train()
    buffers = {name: value.clone() for name, value in layer.state_dict().items()}

    def run(inputs: Tensor) -> Tensor:
        layer.load_state_dict(buffers)
        torch.default_generator.manual_seed(1)
        return layer.states(inputs)

    return run


def _chaotic(layer: Layer, inputs: Tensor) -> bool:
    """Return True if rounding errors of the inputs change the outputs: then the shape of a batch may change them too."""
    values = layer.vectors(inputs)
    noise = torch.randn(values.shape, generator=Generator().manual_seed(3)).to(values)
    return not close(layer.states(values + torch.finfo(values.dtype).eps * noise), layer.states(values))
