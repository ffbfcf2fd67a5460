"""The compiled step over whole sequences: an autograd function, its buffers and its gradients."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import Parameter
from torch.nn.utils import parametrize

from rnnbench._cell import Cell, check_inputs
from rnnbench._engine.cache_key import cache_key, has_hooks
from rnnbench._engine.derive import Key, content
from rnnbench._engine.emit import emit
from rnnbench._engine.garbage import uncollected
from rnnbench._engine.plan import plan
from rnnbench._engine.refusal import NotCompiledError
from rnnbench._engine.trace import Trace
from rnnbench._errors import one_line

LOG = logging.getLogger(__name__)
Array = Any  # a numpy array, which emitted code works on

NO_TOKENS = np.empty((0, 0), np.int64)
CACHED = 1 << 16  # numbers of adjoints that become weight gradients at once, while they are in the cache
MOST_RESULTS = 600
"""The most intermediate results of a compiled step: each is a line of code, and compilation takes minutes beyond."""
TOO_DEEP = "step has too many operations that depend on each other"
BLOCK = 1 << 18  # numbers of gates that an evaluation computes from values at once; they stay in the cache until they are used
PADDING = 16  # numbers after each row of adjoints: a column of rows that are a power of two apart shares few lines of the cache


class Pool:
    """Large arrays that are reused from batch to batch: new ones cost a page fault per 4 KiB.

    A :class:`Lease` takes arrays and returns them when it is garbage-collected. A living graph keeps its arrays.
    """

    def __init__(self, kept: int = 12) -> None:
        self.free: dict[tuple[tuple[int, ...], torch.dtype], list[Array]] = {}
        self.kept = kept  # number of shapes; arrays of the shape that was unused for longest are dropped

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> Array:
        free = self.free.get((shape, dtype))
        return free.pop() if free else torch.empty(shape, dtype=dtype).numpy()  # torch aligns memory to 64 bytes

    def give(self, arrays: list[Array], dtype: torch.dtype) -> None:
        for array in arrays:
            key = (array.shape, dtype)
            same_shape = self.free.pop(key, [])  # reinserted last: the dict is in order of latest use
            same_shape.append(array)
            self.free[key] = same_shape
        while len(self.free) > self.kept:
            self.free.pop(next(iter(self.free)))


POOL = Pool()


class Lease:
    """The arrays of one graph."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.arrays: list[Array] = []

    def take(self, *shape: int) -> Array:
        self.arrays.append(POOL.take(shape, self.dtype))
        return self.arrays[-1]

    def __del__(self) -> None:
        POOL.give(self.arrays, self.dtype)


@contextmanager
def restored(cell: Cell) -> Iterator[None]:
    """Restore the cell's buffers and Python attributes and torch's generator on exit, also after an exception."""
    before = [(buffer, buffer.detach().clone()) for buffer in cell.buffers()]
    attributes = [(part, {name: _copied(value) for name, value in vars(part).items()}) for part in cell.modules()]
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        with torch.no_grad():
            for buffer, content in before:
                if not torch.equal(buffer, content):
                    buffer.copy_(content)
        for part, values in attributes:
            _restore_attributes(part, values)


def _copied(value: Any) -> Any:
    return value, copy.copy(value) if isinstance(value, (list, dict, set)) else None


def _restore_attributes(part: nn.Module, values: dict[str, Any]) -> None:
    for name in vars(part).keys() - values.keys():
        del vars(part)[name]
    for name, (value, items) in values.items():
        vars(part)[name] = value
        if isinstance(value, list):
            value[:] = items
        elif isinstance(value, (dict, set)):
            value.clear()
            value.update(items)


class Program:
    """The compiled step of a cell, with the computation of its arguments. Raises NotCompiledError."""

    def __init__(self, cell: Cell) -> None:
        trace = Trace(cell)
        try:
            self.plan = plan(trace)
        except RecursionError as error:
            raise NotCompiledError(f"{trace.place}: {TOO_DEEP}") from error
        results = len(self.plan.forward.places) + len(self.plan.backward.places)
        if results > MOST_RESULTS:
            counted = f"step and its gradient have {results:,} intermediate results"
            raise NotCompiledError(f"{trace.place}: {counted}; the engine compiles at most {MOST_RESULTS:,}")
        self.hoisted = trace.hoisting.replay(self.outputs(trace))
        self.place = trace.place
        self.title = f"{type(cell).__name__}: {', '.join(cell.state_names)}"
        self.backs = sum(node.op == "back" for node in self.plan.backward.places)
        self.checked: set[bool] = set()  # whether compared with step for values (False) and for tokens (True)
        self.unreached: set[str] = set()  # the parameters that no gradient of step reaches, as in a step that detaches

    def outputs(self, trace: Trace) -> list[Tensor]:
        """Return weight_ih (N, D), bias (C), vectors (V, width), and the weight (n, K) of every product."""
        p = self.plan
        contents = [content(slot) for slot in p.slots]

        widths = [slot.width for slot in p.slots]

        def total(layers: list[tuple[Key, ...]], widths: list[int], *columns: int) -> Tensor:
            """Return blocks of these widths that are sums of the given ones, zeros for a slot without any."""
            result = None
            for k in range(max(1, *(len(keys) for keys in layers))):
                zeros = trace.table.tensor_index(trace.hoist(torch.zeros, (max(widths), *columns), dtype=trace.dtype))
                blocks = zip(layers, widths, strict=True)
                rows = trace.table.rows([keys[k] if k < len(keys) else Key(zeros, 0, width) for keys, width in blocks])
                result = rows if result is None else trace.hoist(torch.add, result, rows)
            assert result is not None
            return result

        vectors = [trace.table.rows([node.key]) for node in p.vectors]
        if any(node.width < p.width for node in p.vectors):
            vectors = [trace.hoist(F.pad, vector, (0, p.width - len(vector))) for vector in vectors]
        return [
            trace.table.rows([key.input for key in contents if key.input is not None]),
            total([key.vectors for key in contents], widths),
            trace.hoist(torch.stack, vectors) if vectors else trace.hoist(torch.zeros, (0, p.width), dtype=trace.dtype),
            *(
                total(blocks, widths[product.first : product.first + product.width], product.source.width)
                for product, blocks in zip(p.products, p.weights, strict=True)
            ),
        ]

    @cached_property
    def code(self) -> Any:
        from rnnbench._engine import build  # imported here, because a refusal does not need numba

        return build.load(emit(self.plan, self.title))

    def numbers(self, dtype: torch.dtype) -> Array:
        return torch.tensor(self.plan.numbers, dtype=dtype).numpy()

    def states(self, cell: Cell, inputs: Tensor, first: int, limit: float = math.inf, truncate: int = 0) -> Tensor:
        """Return (T - first, B, H) computed by compiled code; tokens must be in range."""
        with _without_gradient([p for name, p in cell.named_parameters() if name in self.unreached] if self.unreached else []):
            initial = cell.start(inputs.shape[1])
            hoisted = self.hoisted(cell)
        if truncate and first >= truncate:  # the outputs begin after a step that is detached from the start
            initial = tuple(part.detach() for part in initial)
        noise = self.plan.trace.noise.drawn(*inputs.shape[:2]).numpy() if self.plan.trace.noise.draws else None
        keep = torch.is_grad_enabled() and any(t.requires_grad for t in (inputs, *hoisted, *initial))
        states: Tensor = Sequence.apply(self, inputs, first, keep, limit, truncate, noise, *hoisted, *initial)
        return states

    @torch.enable_grad()
    def check(self, cell: Cell, tokens: bool) -> None:
        """Compare with ``step`` over three time steps, gradients included; raise NotCompiledError if they differ."""
        T, B, D = 3, 2, cell.input_size
        values = torch.linspace(-1, 1, T * B * D, dtype=cell._like.dtype).reshape(T, B, D)
        inputs = torch.arange(T * B).reshape(T, B) % D if tokens else values.requires_grad_()
        leaves = {name: p for name, p in (*cell.named_parameters(), ("", inputs)) if p.requires_grad}

        def results(run: Callable[[], Tensor]) -> tuple[Tensor, list[Tensor | None]]:
            with restored(cell):
                torch.default_generator.manual_seed(0)  # the same noise for both
                states = run()
            weight = torch.linspace(1, -0.5, states.numel(), dtype=states.dtype).reshape(states.shape)
            total = (states * weight).sum()
            if not (leaves and total.requires_grad):  # a detached step has no gradient
                return states, [None] * len(leaves)
            return states, list(torch.autograd.grad(total, list(leaves.values()), allow_unused=True))

        exact, exact_grads = results(lambda: Cell.states(cell, inputs))
        if not all(bool(found.isfinite().all()) for found in (exact, *exact_grads) if found is not None):
            return  # weights that overflow cannot be compared
        try:
            ours, our_grads = results(lambda: self.states(cell, inputs, 0))
        except Exception as error:
            reason = TOO_DEEP if isinstance(error, RecursionError) else f"step does not compile: {one_line(error)}"
            raise NotCompiledError(f"{self.place}: {reason}") from error
        part = 1e-3 if exact.dtype == torch.float32 else 1e-9
        zero = exact.new_zeros(())
        for pair in zip((ours, *our_grads), (exact, *exact_grads), strict=True):
            found, expected = (zero if value is None else value.detach() for value in pair)
            if not float((found - expected).abs().max()) <= part * max(float(expected.abs().max()), 1e-3):
                raise NotCompiledError(f"{self.place}: compiled code and step do not agree, so it is not used")
        self.unreached.update(name for name, grad in zip(leaves, exact_grads, strict=True) if name and grad is None)


@contextmanager
def _without_gradient(parameters: list[Parameter]) -> Iterator[None]:
    """Compute without the gradient of these parameters inside the block: it stays None, as that of ``step``, and not zero.

    Optimisers skip a parameter without a gradient; one with a gradient of zero loses weight decay and keeps its momentum.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


class Sequence(Function):
    """The autograd function of a program, its settings, weight_ih, bias, vectors, weights ... and the initial state ..."""

    @staticmethod
    def forward(
        ctx: Any,
        program: Program,
        inputs: Tensor,
        first: int,
        keep: bool,
        limit: float,
        truncate: int,
        noise: Any,
        *tensors: Tensor,
    ) -> Tensor:
        from rnnbench._engine.products import products

        p = program.plan
        weight_ih, bias, vectors, *rest = (tensor.detach() for tensor in tensors)
        weights, initial = rest[: len(p.products)], rest[len(p.products) :]
        (T, B), C, N = inputs.shape[:2], len(bias), len(weight_ih)  # the first N columns start with a product of the input
        lease, made_by, values = Lease(weight_ih.dtype), products(weight_ih.dtype), inputs.is_floating_point()
        S = min(T, max(1, BLOCK // max(1, B * C))) if values and not keep else T
        rows = weight_ih.t() if N == C or values else F.pad(weight_ih.t(), (0, C - N))
        tokens, table = (NO_TOKENS, bias[N:].unsqueeze(0)) if values else (inputs.contiguous().numpy(), rows + bias)  # (D, C)
        gates = lease.take(S if values or (keep and p.keeps) else 1, B, C)
        states = [lease.take(S + 1, B, width) for width in p.trace.widths]
        for array, part in zip(states, initial, strict=True):
            array[0] = part.reshape(array[0].shape).numpy()
        numbers, made = program.numbers(weight_ih.dtype), p.forward
        room = (
            *(made_by.packed(weight.t()).numpy() for weight in weights),
            *(np.empty(shape, numbers.dtype) for shape in ((made.rows, p.width), (made.blocks, B, p.width))),
            *(np.empty((B, source.width), numbers.dtype) for source in p.sources),
        )
        outputs = weight_ih.new_empty(T - first, *states[0].shape[1:])
        for start in range(0, T, max(1, S)):
            steps = min(S, T - start)
            if values:
                columns = torch.from_numpy(gates[:steps]).view(steps * B, C)[:, :N]
                torch.addmm(
                    bias[:N], inputs.detach()[start : start + steps].reshape(steps * B, weight_ih.shape[1]), rows, out=columns
                )
            program.code.forward(
                made_by.addresses, tokens[start : start + steps], table.contiguous().numpy(), gates,
                vectors.contiguous().numpy(), numbers,
                *(array[: steps + 1] for array in states), *room, *([] if noise is None else [noise[start : start + steps]]),
            )  # fmt: skip
            unused = min(max(first - start, 0), steps)
            outputs[start + unused - first : start + steps - first] = torch.from_numpy(states[0][1 + unused : 1 + steps])
            if start + steps < T:
                for array in states:
                    array[0] = array[steps]
        if keep:
            ctx.save_for_backward(inputs, *tensors)
            ctx.kept = (lease, program, tokens, gates, states, limit, truncate, noise)
        return outputs  # (T - first, B, H); the arrays return to the pool

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        from rnnbench._engine.products import products

        _, program, tokens, gates, states, limit, truncate, noise = ctx.kept
        p = program.plan
        inputs, weight_ih, bias, vectors, *rest = (tensor.detach() for tensor in ctx.saved_tensors)
        weights, initial = rest[: len(p.products)], rest[len(p.products) :]
        (T, B), C, (N, D) = inputs.shape[:2], len(bias), weight_ih.shape
        values, made, made_by = inputs.is_floating_point(), p.backward, products(weight_ih.dtype)
        numbers, lease = program.numbers(weight_ih.dtype), Lease(weight_ih.dtype)
        zeros, room, none = weight_ih.new_zeros, partial(np.empty, dtype=numbers.dtype), np.empty(0, numbers.dtype)
        S = min(T, max(1, CACHED // (B * C)))
        dtable = zeros(1 if values else D, C)  # for tokens; with values only the bias gradient
        x = inputs.contiguous().numpy() if values else room((0, 0, 0))
        dx = weight_ih.new_empty((T, B, D) if values and ctx.needs_input_grad[1] else (0, 0, 0))
        dweight_ih = zeros((N, D) if values else (0, 0))
        dvectors, dweights = zeros(vectors.shape), [zeros(weight.shape) for weight in weights]
        dstates = [np.zeros((2, B, width), numbers.dtype) for width in p.trace.widths]
        paired = [t.numpy() for pair in zip(weights, dweights, strict=True) for t in (made_by.packed(pair[0]), pair[1])]
        program.code.backward(
            made_by.addresses, tokens, dtable.numpy(), x, made_by.packed(weight_ih).numpy() if dx.numel() else none,
            dweight_ih.numpy(), dx.numpy(), vectors.contiguous().numpy(), dvectors.numpy(), numbers, gates, *states, *paired,
            grad.contiguous().numpy(), *dstates, room((made.rows, p.width)), room((made.blocks, B, p.width)),
            room((program.backs, B, p.width)), lease.take(S, B, C + PADDING),
            lease.take(made_by.room(S * B, max([q.source.width for q in p.products] + [D if values else 0]))),
            numbers.dtype.type(limit), np.int64(truncate), *(lease.take(S, B, source.width) for source in p.sources),
            *([] if noise is None else [noise]),
        )  # fmt: skip
        if not values:
            dweight_ih = dtable[:, :N].t()
        needed = ctx.needs_input_grad[-len(states) :]
        parts = zip(dstates, initial, needed, strict=True)
        dinitial = [torch.from_numpy(part[1]).view(before.shape) if due else None for part, before, due in parts]
        grads = dweight_ih, dtable.sum(0), dvectors, *dweights, *dinitial
        return None, dx if dx.numel() else None, None, None, None, None, None, *grads


PROGRAMS: WeakKeyDictionary[Cell, dict[tuple[Any, ...], Program | str]] = WeakKeyDictionary()
"""By cell, then by cache key: its program, or why it is not compiled. Every new cell is traced, so edited code is never stale."""
PER_CELL = 4  # programs kept for one cell, such as those of training and evaluation mode


def program(cell: Cell) -> Program:
    """Return the program of a cell, traced when the cell is first used or was changed. Raise NotCompiledError."""
    key, programs = cache_key(cell), PROGRAMS.setdefault(cell, {})
    if key not in programs:
        while len(programs) >= PER_CELL:
            programs.pop(next(iter(programs)))
        try:
            programs[key] = _traced(cell, key)
        except NotCompiledError as error:
            programs[key] = str(error)  # not the error: its traceback would keep the cell alive
    found = programs[key]
    if isinstance(found, str):
        raise NotCompiledError(found)
    return found


def _traced(cell: Cell, key: tuple[Any, ...]) -> Program:
    name = type(cell).__name__
    if type(cell).states is not Cell.states:
        raise NotCompiledError(f"class {name} overrides states, and the engine compiles only step")
    if cell._like.dtype not in (torch.float32, torch.float64):
        raise NotCompiledError(f"numbers of {str(cell._like.dtype).removeprefix('torch.')} are not compiled")
    if any(has_hooks(part) for part in cell.modules() if part is not cell):
        raise NotCompiledError(f"class {name}: a hook of a module inside the cell is not compiled")
    own = copy.deepcopy(cell).to_empty(device="cpu") if cell._like.is_meta else cell  # meta tensors hold no numbers
    with restored(own), parametrize.cached():  # the trace draws no numbers, and makes no step of a power iteration
        traced = Program(own)
        if cache_key(cell) != key:
            raise NotCompiledError(f"class {name}: a step that changes attributes of the cell is not compiled")
    return traced


def compute_states(cell: Cell, inputs: Tensor, first: int = 0, limit: float = math.inf, truncate: int = 0) -> Tensor:
    """Compute :func:`rnnbench._engine.states`."""
    check_inputs(cell, inputs, first)
    chosen, tokens = program(cell), not inputs.is_floating_point()
    inputs = inputs.long() if tokens else inputs.to(cell._like.dtype)
    if tokens not in chosen.checked:
        chosen.checked.add(tokens)
        try:
            with uncollected():
                chosen.check(cell, tokens)
        except NotCompiledError as error:
            PROGRAMS[cell][cache_key(cell)] = str(error)
            LOG.warning("%s", error)
            raise
    return chosen.states(cell, inputs, first, limit, truncate)
