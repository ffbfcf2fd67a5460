"""The checks of a cell before its first use: class attributes, construction and initialisations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch.nn.parameter import is_lazy

from rnnbench._cell import Cell, Gate
from rnnbench._errors import UserError
from rnnbench._network.initializers import INITIALIZERS, initialise, initializers_of
from rnnbench._plugins import registry
from rnnbench._training.optimizers import optimizer_marks
from rnnbench.testing._fixtures import CellFixture, namesake, nan_filled_memory


def check_cell_name(fixture: CellFixture) -> Iterator[str]:
    """Check that the name is free, and that there is a summary; a name that cannot be used is refused before."""
    cls = fixture.cls
    other = namesake(cls, registry.CELLS.named())
    if other is not None:
        yield f"the name {cls.name!r} is taken by {other}: choose another"
    if not isinstance(getattr(cls, "summary", None), str):
        yield "summary is missing: describe the cell in one line, as in summary = 'leaky integrator'"


def check_class_attributes(fixture: CellFixture) -> Iterator[str]:
    """Check that ``default_init``, ``gates``, ``forget_signs`` and ``candidate`` are consistent."""
    cls = fixture.cls
    if cls.default_init is not None and cls.default_init not in initializers_of(cls):
        yield f"default_init is {cls.default_init!r}: name one of {', '.join(sorted(initializers_of(cls)))}"
    if not issubclass(cls, Cell):
        return
    if not (isinstance(cls.gates, Mapping) and all(isinstance(gate, Gate) for gate in cls.gates.values())):
        yield "gates must describe each gate, as in gates = {'f': Gate('forget gate f')}"
        return
    for attribute, names in (("forget_signs", list(cls.forget_signs)), ("candidate", [cls.candidate] if cls.candidate else [])):
        for name in set(names) - set(cls.gates):
            yield f"{attribute} names {name!r}, which is not in gates: add it there, in the order of the rows"


def check_construction(fixture: CellFixture) -> Iterator[str]:
    """Check that ``__init__`` passes the sizes on and knows all shapes."""
    layer = fixture.uninitialized()
    if (layer.input_size, layer.hidden_size) != (fixture.input_size, fixture.hidden_size):
        yield "input_size or hidden_size differs from the argument of __init__: pass both on to super().__init__"
    lazy = [name for name, parameter in layer.named_parameters() if is_lazy(parameter)]
    if lazy:
        yield f"the shape of {lazy[0]} is unknown before its first use: give sizes in __init__, use no lazy module"
    for name, parameter in layer.named_parameters():
        try:
            optimizer_marks(name, parameter)
        except UserError as error:
            yield str(error)


def check_initialisations(fixture: CellFixture) -> Iterator[str]:
    """Check that parameters set in ``__init__`` have values, and that every initialisation changes what its label says."""
    with nan_filled_memory():
        layer = fixture.uninitialized()
    uninitialized = layer.uninitialized_parameters()
    for name, parameter in layer.named_parameters():
        if name not in uninitialized and not bool(parameter.isfinite().all()):
            yield f"{name} has no values: declare it with self.parameter, or set it in __init__"
            return
    one, two = fixture.uninitialized().state_dict(), fixture.uninitialized().state_dict()
    for name, value in one.items():
        if not torch.equal(value, two[name]):
            yield f"__init__ draws {name} differently for the same seed: use torch's random functions, not numpy's or random's"
            return
    for init, initialiser in initializers_of(fixture.cls).items():
        layer, twin = fixture.uninitialized(), fixture.uninitialized()
        before = {name: parameter.detach().clone() for name, parameter in layer.named_parameters()}
        with torch.no_grad():
            for parameter in (*layer.uninitialized_parameters().values(), *twin.uninitialized_parameters().values()):
                parameter.fill_(torch.nan)
        try:
            process = torch.get_rng_state()
            initialise(layer, init, fixture.context())
            initialise(twin, init, fixture.context())
        except ValueError as error:
            if init == fixture.cls.default_init and not fixture.options:
                yield f"default_init cannot be {init}: {error}"
            continue
        if not torch.equal(process, torch.get_rng_state()):
            yield f"init {init} draws from torch's global generator: draw from context.generator"
        for (name, parameter), other in zip(layer.named_parameters(), twin.parameters(), strict=True):
            if not bool(parameter.isfinite().all()):
                yield f"init {init} leaves {name} without values: fill all uninitialized parameters"
                return
            if not torch.equal(parameter, other):
                yield f"init {init} sets {name} to different values for the same seed: draw from context.generator"
                return
        if initialiser is INITIALIZERS.get(init):
            continue
        if all(torch.equal(parameter, before[name]) for name, parameter in layer.named_parameters()):
            yield f"init {init} changes nothing: raise ValueError if there is nothing to set"
