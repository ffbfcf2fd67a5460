"""The contract of a cell before it is run: what it says of itself, and what it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch.nn.parameter import is_lazy

from rnnbench._cell import Cell, Gate
from rnnbench._errors import place
from rnnbench._network.initializers import INITIALIZERS, initialise, known
from rnnbench._plugins import registry
from rnnbench.testing._fixtures import CellFixture, nothing_is_initialised, owner

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def named(specimen: CellFixture) -> Iterator[str]:
    kind = specimen.kind
    if not NAME.fullmatch(kind.name):
        yield f"the name is {kind.name!r}: use lower-case letters, digits and hyphens"
    other = owner(kind, registry.CELLS.named())
    if other is not None:
        yield f"the name {kind.name!r} is taken by {place(other)}: choose another"
    if not isinstance(getattr(kind, "summary", None), str):
        yield "there is no summary: say in one line what the cell is, as in summary = 'leaky integrator'"


def described(specimen: CellFixture) -> Iterator[str]:
    kind = specimen.kind
    if kind.default_init is not None and kind.default_init not in known(kind):
        yield f"default_init is {kind.default_init!r}: name one of {', '.join(sorted(known(kind)))}"
    if not issubclass(kind, Cell):
        return
    if not (isinstance(kind.gates, Mapping) and all(isinstance(gate, Gate) for gate in kind.gates.values())):
        yield "gates must say what each gate is, as in gates = {'f': Gate('forget gate f')}"
        return
    for word, names in (("forget_signs", list(kind.forget_signs)), ("candidate", [kind.candidate] if kind.candidate else [])):
        for name in set(names) - set(kind.gates):
            yield f"{word} names {name!r}, which is none of gates: add it there, in the order of the rows"


def built(specimen: CellFixture) -> Iterator[str]:
    layer = specimen.raw()
    if (layer.input_size, layer.hidden_size) != (specimen.input_size, specimen.hidden_size):
        yield "input_size or hidden_size is not what it was built with: pass both on to super().__init__"
    lazy = [name for name, parameter in layer.named_parameters() if is_lazy(parameter)]
    if lazy:
        yield f"the shape of {lazy[0]} is not known before its first use: give sizes in __init__, no lazy module"


def initialised(specimen: CellFixture) -> Iterator[str]:
    """Own parameters have values, and every initialisation does what its label says."""
    with nothing_is_initialised():
        layer = specimen.raw()
    opened = layer.uninitialized_parameters()
    for name, parameter in layer.named_parameters():
        if name not in opened and not bool(parameter.isfinite().all()):
            yield f"{name} has no values: declare it with self.parameter, or set it in __init__"
            return
    one, two = specimen.raw().state_dict(), specimen.raw().state_dict()
    for name, value in one.items():
        if not torch.equal(value, two[name]):
            yield f"__init__ draws {name} differently for the same seed: use torch's random functions, not numpy's or random's"
            return
    for init, initialiser in known(specimen.kind).items():
        layer, twin = specimen.raw(), specimen.raw()
        before = {name: parameter.detach().clone() for name, parameter in layer.named_parameters()}
        with torch.no_grad():
            for parameter in (*layer.uninitialized_parameters().values(), *twin.uninitialized_parameters().values()):
                parameter.fill_(torch.nan)
        try:
            process = torch.get_rng_state()
            initialise(layer, init, specimen.setting())
            initialise(twin, init, specimen.setting())
        except ValueError as error:
            if init == specimen.kind.default_init and not specimen.options:
                yield f"default_init cannot be {init}: {error}"
            continue
        if not torch.equal(process, torch.get_rng_state()):
            yield f"init {init} draws from torch's own stream: draw from setting.generator"
        for (name, parameter), other in zip(layer.named_parameters(), twin.parameters(), strict=True):
            if not bool(parameter.isfinite().all()):
                yield f"init {init} leaves {name} without values: fill every parameter that is left open"
                return
            if not torch.equal(parameter, other):
                yield f"init {init} gives {name} other values for the same seed: draw from setting.generator"
                return
        if initialiser is INITIALIZERS.get(init):
            continue
        if all(torch.equal(parameter, before[name]) for name, parameter in layer.named_parameters()):
            yield f"init {init} changes nothing: raise ValueError where there is nothing to set"
