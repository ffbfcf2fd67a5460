"""The trace of a cell's ``step``: one run with symbols for input and state records a graph and the hoisted calls.

A symbol is a tensor of numbers of columns (:mod:`rnnbench._engine.columns`). Functions that move columns run on these numbers. A
function that is linear in a symbol becomes a product with a weight, which is the function's value at the identity. All other
functions work block by block. :mod:`rnnbench._engine.hoisting` records what ``step`` computes from parameters only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rnnbench._cell import Cell
from rnnbench._engine.columns import ColumnTable, Refs
from rnnbench._engine.graph import OPERATORS, TRUTH, Graph, Node, comparison, select
from rnnbench._engine.hoisting import Hoisting, changes_in_place, leaves, map_leaves, name_of
from rnnbench._engine.lowering import ALIASES, COMPOSED, LOGICAL, SETTINGS, TRUTHS
from rnnbench._engine.noise import DRAWS, Noise
from rnnbench._engine.refusal import NotCompiledError, refuse, without_gradient
from rnnbench._engine.symbolic import ROW, BatchSize, Symbol
from rnnbench._engine.whole import WHOLE
from rnnbench._errors import class_location

MOVES = (
    "view", "reshape", "view_as", "reshape_as", "unflatten", "flatten", "chunk", "split", "tensor_split", "narrow", "select",
    "getitem", "cat", "stack", "unbind", "squeeze", "unsqueeze", "transpose", "t", "swapaxes", "swapdims", "permute", "movedim",
    "moveaxis", "roll", "flip", "expand", "expand_as", "broadcast_to", "repeat", "tile", "repeat_interleave", "index_select",
    "diagonal", "pad", "hstack", "column_stack", "unfold", "broadcast_tensors", "clone", "contiguous", "take_along_dim",
)  # fmt: skip
"""Functions that only move columns, or fill with zeros."""
LINEAR = ("einsum", "matmul", "mv", "tensordot", "inner", "diff", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "interpolate")
"""Functions that are linear in one of their arguments."""
AFFINE = ("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "bilinear", "baddbmm")
"""Functions that are linear in one of their arguments, and may add a bias."""


def _padded(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return F.pad(x.double(), *args, **kwargs).long()  # torch pads numbers only


def _assigned(x: Tensor, index: Any, value: Tensor) -> Tensor:
    x = x.clone()
    x[index] = value
    return x


class Trace(TorchFunctionMode):
    """A run of ``step`` with symbols.

    Attributes:
        place: file and line of ``step``.
        graph: all nodes.
        table: the columns of all nodes, and the tensors that the keys of products, inputs and vectors refer to.
        after: the state after the step, one node per part.
        widths: the number of columns of each part of the state.
        noise: the random numbers that ``step`` draws.
        gates: the nodes that ``step`` returns as gates, by name.
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        code = getattr(cell.step, "__code__", None)
        self.place = f"{Path(code.co_filename).name}, line {code.co_firstlineno}" if code else class_location(type(cell))
        self.H, self.D, self.dtype = cell.hidden_size, cell.input_size, cell._like.dtype
        self.state_names = cell.state_names
        self.graph = Graph()
        self.hoisting = Hoisting(cell)
        self.hoist = self.hoisting.hoist
        shapes = [tuple(part.shape) for part in cell.initial_state]
        self.widths = [math.prod(shape) for shape in shapes]
        self.table = ColumnTable(self.graph, self.hoisting, self.dtype, self.D, self.widths)
        self.noise = Noise(self.graph, self.dtype)
        if shapes[0] != (self.H,):
            refuse(f"an output {cell.state_names[0]} of shape {shapes[0]} is not compiled: it must be (H,)")
        if any(part.is_complex() for part in cell.initial_state):
            refuse("a complex state is not compiled")
        before = [self.graph.make("state", key=k, width=width) for k, width in enumerate(self.widths)]
        state = tuple(Symbol.of(self, self.table.refs(node).view(1, *shape)) for node, shape in zip(before, shapes, strict=True))
        x = Symbol.of(self, self.table.refs(self.table.x).view(1, -1))
        self.given = [part.rows.untyped_storage().data_ptr() for part in (x, *state)]
        step: Callable[..., Any] = cell.step
        with torch.enable_grad():
            try:
                with self:
                    after, gates = step(x, state)
            except NotCompiledError:
                raise
            except Exception as error:
                refuse(f"{type(error).__name__} while tracing step: {error}".partition("\n")[0])
            self.after = [self.part(part, shape) for part, shape in zip(after, shapes, strict=True)]
        self.gates = {str(name): gate.nodes[0] for name, gate in gates.items() if isinstance(gate, Symbol) and len(gate.nodes) == 1}

    def part(self, value: Any, shape: tuple[int, ...]) -> Node:
        """Return the node of a part of the state after the step."""
        symbol = self.as_symbol(value, (1, *shape), 0)
        if symbol.axis or tuple(symbol.refs.shape) != (1, *shape):
            refuse(f"a state of shape {tuple(symbol.refs.shape)[1:]} where {shape} is needed is not compiled")
        node = self.table.block(self.table.located(symbol.refs))
        return select(node, 1, 0) if node.op in TRUTH else node

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.call(func, args, kwargs or {})

    def call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Return a symbol if a symbol is among the arguments, else the tensor itself, from a recorded call."""
        if not torch.is_grad_enabled():
            refuse(without_gradient())
        if torch.is_autocast_enabled("cpu"):
            refuse("autocast within a step is not compiled")
        with torch._C.DisableTorchFunction():
            given, name = leaves((args, kwargs)), name_of(func)
            if changes_in_place(func) or kwargs.pop("inplace", False):
                target: Any = args[0]
                if not isinstance(target, Symbol) or target.rows.untyped_storage().data_ptr() in self.given:
                    refuse("a change in place of the input, the state, a parameter or a constant is not compiled")
                value = self.random(name, func, args, kwargs) if name in DRAWS else self.changed(name, args, kwargs)
                if (value.dims, value.axis) != (target.dims, target.axis):
                    refuse(f"a change in place of a tensor of shape {target.dims} to one of shape {value.dims} is not compiled")
                target.rows.copy_(value.rows)  # its views share the memory
                return target
            if name in DRAWS and any(isinstance(leaf, (Symbol, BatchSize)) for leaf in given):
                return self.random(name, func, args, kwargs)
            if any(isinstance(leaf, Symbol) for leaf in given):
                return self.symbolic(func, args, kwargs)
            if name in ("zeros", "ones", "full", "empty") and any(isinstance(leaf, BatchSize) for leaf in given):
                sizes: Tensor = self.hoist(func, *args, **kwargs)
                axis = next(k for k, size in enumerate(sizes.shape) if size == 1)
                number = float(sizes.flatten()[0]) if sizes.numel() and name != "empty" else 0.0
                return self.as_symbol(number, sizes.shape, axis)
            return self.hoist(func, *args, **kwargs)

    def random(self, name: str, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Return the noise that a random function draws at every step."""
        if name == "dropout":
            x, p, training = (*args, *[kwargs[key] for key in ("p", "training") if key in kwargs], 0.5, True)[:3]
            if not (training and p):
                return x
            ones = self.as_symbol(1.0, x.dims, x.axis)
            return x * self.random("bernoulli", F.dropout, (ones, p, True), {})
        if kwargs.get("generator") is not None:
            refuse(f"{name} with a generator is not compiled: without one it draws from the run's own")
        if changes_in_place(func):
            args = (self.as_symbol(0.0, args[0].dims, args[0].axis), *args[1:])
        node, shape, axis = self.noise.node(name, func, args, kwargs)
        return self.symbol([node], torch.empty(shape), axis)

    def changed(self, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """Return the value that a function which changes its first argument gives it."""
        target, *others = args
        if name == "setitem":
            index, value = others
            if isinstance(index, Symbol):  # a mask
                return self.pointwise("where", (index, value, target), {})
            value = self.as_symbol(value, self.moved(Tensor.__getitem__, target, index).dims, target.axis)
            return self.moved(_assigned, target, index, value)
        base = name.removeprefix("i") if f"__{name}__" in vars(Symbol) else name
        if base in ("zero", "fill", "copy"):
            return self.as_symbol(others[0] if others else 0.0, target.dims, target.axis)
        return self.computed(ALIASES.get(base, base), args, kwargs)

    def symbolic(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Apply a function with a symbol among its arguments."""
        name = ALIASES.get(name_of(func), name_of(func))
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        if name == "linear":
            return self.linear(*args, **kwargs)
        if name == "addmm" and not kwargs:
            return args[1] @ args[2] + args[0]
        if name == "matmul" and isinstance(args[0], Symbol) and isinstance(args[1], Tensor) and args[1].ndim == 2:
            return self.linear(args[0], self.hoist(torch.t, args[1]))
        if name in (*LINEAR, *AFFINE) and sum(isinstance(leaf, Symbol) for leaf in leaves(args)) == 1:
            return self.probed(name, func, args, kwargs)
        if name in ("to", "type", "type_as", "float", "double", "int", "long"):
            return self.cast(name, *args, *kwargs.values())
        if name in ("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"):
            return self.call(getattr(torch, name[4:]), args[1:], {"dtype": self.dtype} | kwargs)
        if name == "expand_as" and isinstance(args[0], Tensor):
            return self.hoist(Tensor.expand, args[0], args[1].dims)
        if name in MOVES:
            return self.moved(func, *args, **kwargs)
        if name in ("zeros_like", "ones_like", "full_like", "empty_like"):
            value = args[1] if name == "full_like" else float(name == "ones_like")
            return self.as_symbol(value, args[0].refs.shape, args[0].axis)
        if name == "where" and func is Tensor.where:
            args = (args[1], args[0], args[2])
        return self.computed(name, args, kwargs)

    def computed(self, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """Apply a function that computes new columns."""
        if name in WHOLE:
            return WHOLE[name](self, *args, **kwargs)
        if name in COMPOSED or name in OPERATORS:
            return self.pointwise(name, args, kwargs)
        return refuse(f"{name} is not compiled")

    def symbol(self, nodes: list[Node], like: Tensor, axis: int) -> Symbol:
        """Return the symbol of the shape of ``like`` with the columns of these nodes."""
        refs = torch.cat([self.table.refs(node) for node in nodes])
        return Symbol.of(self, refs.expand(like.numel()).reshape(like.shape) if len(refs) == 1 else refs.view(like.shape), axis)

    def as_symbol(self, value: Any, shape: Any, axis: int) -> Symbol:
        """Return the symbol of a number, or of a tensor computed from parameters only, broadcast to a shape."""
        if isinstance(value, Symbol):
            return value
        if isinstance(value, Real):
            return Symbol.of(self, self.table.refs(self.graph.number(float(value))).expand(*shape), axis)
        if not isinstance(value, Tensor) or value.is_complex():
            refuse(f"{'complex numbers' if isinstance(value, Tensor) else type(value).__name__} in a step is not compiled")
        if value.dtype != self.dtype:
            value = self.hoist(Tensor.to, value, self.dtype)
        count = math.prod(shape)
        with suppress(ValueError):
            if np.broadcast_shapes(value.shape, tuple(shape)) == tuple(shape):
                if value.shape != (count,):
                    value = self.hoist(Tensor.reshape, self.hoist(Tensor.expand, value, tuple(shape)), (count,))
                return Symbol.of(self, self.table.refs(self.table.leaf("vector", value)[0]).view(tuple(shape)), axis)
        return refuse(f"a constant of shape {tuple(value.shape)} where {tuple(shape)} is needed is not compiled")

    def moved(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Apply a function that only moves columns."""
        first = next(leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Symbol))
        if isinstance(args[0], (list, tuple)):  # as of cat
            args = (
                [self.as_symbol(part, part.shape, first.axis) if isinstance(part, Tensor) else part for part in args[0]],
                *args[1:],
            )
        if name_of(func) == "pad":
            if kwargs.get("value") or any(args[3:]):
                refuse("pad with a number but 0 is not compiled")
            func = _padded

        def actual(leaf: Any) -> Any:
            if isinstance(leaf, Symbol):
                return leaf.rows
            return 2 if isinstance(leaf, BatchSize) else leaf

        def symbols(result: Any) -> Any:
            if isinstance(result, (tuple, list)):
                return tuple(map(symbols, result))
            for axis in range(result.ndim):
                if result.shape[axis] == 2:
                    rows = result.movedim(axis, 0)
                    second = torch.where(rows[1] == 0, 0, rows[1] - ROW)  # 0 is what torch fills with
                    if bool((rows[0] < ROW).all()) and torch.equal(second, rows[0]):
                        return Symbol(self, result, axis)
            return None

        found = None
        if name_of(func) in ("view", "reshape", "expand") and isinstance(args[0], Symbol):
            shape = list(args[1]) if isinstance(args[1], (tuple, list)) else list(args[1:])
            if type(shape[args[0].axis]) is int and shape[args[0].axis] == 1:  # from len(), which returns an int
                shape[args[0].axis] = BatchSize(1)
            args = (args[0], *shape)
        with suppress(RuntimeError, IndexError, TypeError, ValueError):
            found = symbols(func(*map_leaves(args, actual), **map_leaves(kwargs, actual)))
        if any(leaf is None for leaf in leaves(found)):
            refuse(f"{name_of(func)} across the sequences of the batch, or with these arguments, is not compiled")
        return found

    def probed(self, name: str, func: Any, args: Any, kwargs: dict[str, Any]) -> Symbol:
        """Apply a function that is linear in its symbol: its value at the identity is the weight of a product."""
        x = next(leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Symbol))
        n = x.refs.numel()

        def at(run: Callable[..., Any], rows: Tensor) -> Tensor:
            """Call the function with ``rows`` (R, n) in place of the symbol."""
            batch = run(Tensor.movedim, run(Tensor.reshape, rows, (len(rows), *x.refs.movedim(x.axis, 0).shape[1:])), 0, x.axis)

            def actual(leaf: Any) -> Any:
                return batch if leaf is x else len(rows) if isinstance(leaf, BatchSize) else leaf

            result: Tensor = run(func, *map_leaves(args, actual), **map_leaves(kwargs, actual))
            return result

        def plain(func: Any, *given: Any, **settings: Any) -> Any:
            with torch.no_grad():
                return func(*given, **settings)

        try:
            shapes = [plain(at, plain, plain(torch.zeros, size, n, dtype=self.dtype)).shape for size in (2, 3)]
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            refuse(f"{name} is not compiled here: {error}".partition("\n")[0])
        axes = [k for k, (two, three) in enumerate(zip(*shapes, strict=True)) if (two, three) == (2, 3)]
        if len(axes) != 1:
            refuse(f"{name} across the sequences of the batch is not compiled")
        zero = at(self.hoist, self.hoist(torch.zeros, (1, n), dtype=self.dtype)) if name in AFFINE else None
        out = at(self.hoist, self.hoist(torch.eye, n, dtype=self.dtype))
        if zero is not None:
            out = self.hoist(torch.sub, out, zero)
        weight = self.hoist(torch.t, self.hoist(Tensor.reshape, self.hoist(Tensor.movedim, out, axes[0], 0), (n, -1)))  # (N, n)
        rows = torch.linspace(-1, 1, 2 * n, dtype=self.dtype).view(2, n).sin()
        exact, ours = plain(at, plain, rows), plain(torch.matmul, rows, weight.t())
        exact = (exact if zero is None else exact - zero).detach().movedim(axes[0], 0).reshape(2, -1)
        if not plain(torch.allclose, ours, exact, rtol=1e-3, atol=1e-5):
            refuse(f"{name} is not linear in its argument, or mixes the sequences of the batch, which is not compiled")
        like = torch.empty([1 if k == axes[0] else size for k, size in enumerate(shapes[0])])
        result = self.symbol(self.table.products(self.table.located(x.refs), weight), like.movedim(axes[0], 0), 0)
        y = Symbol(self, result.rows.movedim(0, axes[0]), axes[0])
        return y if zero is None else self.pointwise("add", (y, zero), {})

    def linear(self, x: Symbol, weight: Any, bias: Any = None) -> Symbol:
        if not (isinstance(x, Symbol) and isinstance(weight, Tensor)):
            refuse("a product of anything but an input or a state with a weight is not compiled")
        if x.refs.ndim != 2 or x.axis or weight.ndim != 2:
            result = self.probed("linear", F.linear, (x, weight), {})
            return result if bias is None else result + bias
        if x.refs.shape[1] != weight.shape[1]:
            refuse(f"a product of {x.refs.shape[1]} columns with a weight of shape {tuple(weight.shape)} is not possible")
        sums = self.table.products(self.table.located(x.refs), weight)
        if bias is not None:
            vectors = self.as_symbol(bias, (1, len(weight)), 0)
            return self.pointwise("add", (self.symbol(sums, torch.empty(1, len(weight)), 0), vectors), {})
        return self.symbol(sums, torch.empty(1, len(weight)), 0)

    def cast(self, name: str, x: Symbol, *to: Any) -> Symbol:
        """Convert numbers or the result of a comparison to the cell's dtype, or a comparison to whole numbers; refuse all else."""
        named = {"float": torch.float32, "double": torch.float64, "int": torch.int32, "long": torch.int64}
        given = [named.get(name), *(getattr(value, "dtype", value) for value in to)]
        dtype = next((value for value in given if isinstance(value, torch.dtype)), self.dtype)
        truth = any(node.op in TRUTH for node in x.nodes)
        if dtype == torch.bool:
            return self.pointwise("bool", (x,), {})
        whole = truth and self.dtype == torch.float32 and not dtype.is_floating_point  # torch divides whole numbers in float32
        if dtype != self.dtype and not whole:
            refuse(f"a change to {str(dtype).removeprefix('torch.')} is not compiled")
        return self.pointwise("where", (x, 1.0, 0.0), {}) if truth else x

    def pointwise(self, name: str, args: Any, kwargs: dict[str, Any]) -> Symbol:
        """Apply an operator block by block."""
        symbols: list[Any] = [arg for arg in leaves((args, kwargs)) if isinstance(arg, Symbol)]
        tensors: list[Any] = [arg for arg in leaves((args, kwargs)) if isinstance(arg, Tensor)]
        back = {symbol.axis - symbol.ndim for symbol in symbols}
        if len(back) > 1:
            refuse(f"{name} of tensors whose batches are in different dimensions is not compiled")
        try:
            shape = np.broadcast_shapes(*(tuple(symbol.refs.shape) for symbol in symbols), *(tuple(t.shape) for t in tensors))
        except ValueError:
            shapes = ", ".join(str(tuple(value.shape)) for value in [*symbols, *tensors])
            refuse(f"{name} of shapes that do not broadcast, {shapes}, is not compiled")
        axis = len(shape) + back.pop()
        if shape[axis] != 1:
            refuse(f"a constant of shape {', '.join(str(tuple(t.shape)) for t in tensors)} along the batch is not compiled")
        masks = all(node.op in TRUTH for symbol in symbols for node in symbol.nodes) and not tensors
        if masks and self.dtype == torch.float64 and name not in (*TRUTH, *TRUTHS, "detach"):
            refuse(f"{name} of a comparison, which torch computes in float32, is not compiled in float64: convert it before")
        columns: dict[int, Refs] = {}
        numbers = name in SETTINGS

        def expanded(value: Any) -> Any:
            if value is None or (isinstance(value, Real) and numbers) or isinstance(value, str):
                return value
            refs = self.as_symbol(value, shape, axis).refs.expand(shape)
            columns[id(value)] = self.table.located(refs)
            return value

        for value in (*args, *(value for key, value in kwargs.items() if key not in ("alpha", "value"))):
            expanded(value)
        ends = sorted({end for refs in columns.values() for end in self.table.pieces(refs)})
        rows: list[Node] = []
        for start, stop in pairwise(ends):

            def block(value: Any, start: int = start, stop: int = stop) -> Any:
                if id(value) not in columns or (isinstance(value, Real) and numbers):
                    return value
                node = self.table.block(columns[id(value)][start:stop])
                if name in LOGICAL and node.op not in TRUTH:
                    return comparison("ne", node, 0)
                return select(node, 1, 0) if node.op in TRUTH and name not in TRUTHS else node

            given = [block(arg) for arg in args]
            settings = {key: value if key in ("alpha", "value") else block(value) for key, value in kwargs.items()}
            if settings and name not in COMPOSED:
                refuse(f"{name} with {', '.join(settings)} is not compiled")
            result = COMPOSED[name](*given, **settings) if name in COMPOSED else self.graph.apply(name, *given)
            if result.width < stop - start and len(ends) > 2:
                result = self.table.full(tuple(self.table.located(self.table.refs(result))) * (stop - start))
            rows.append(result)
        return self.symbol(rows, torch.empty(shape), axis)
