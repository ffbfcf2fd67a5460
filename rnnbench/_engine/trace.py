"""The trace of a cell's ``step``: one run with symbols for input and state records a graph and the hoisted calls.

A symbol is a row of pieces: (B, H) nodes side by side, or columns of the input. So ``chunk``, slices and ``cat`` only rearrange
pieces. :mod:`rnnbench._engine.hoisting` records what ``step`` computes from parameters only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rnnbench._cell import Cell
from rnnbench._engine.graph import OPERATORS, Graph, Node, comparison, select
from rnnbench._engine.hoisting import Hoisting, leaves, name_of
from rnnbench._engine.lowering import ALIASES, COMPARED, COMPOSED, LOGICAL, SETTINGS, TRUTHS, WHOLE
from rnnbench._engine.refusal import NotCompiledError, refuse, without_gradient
from rnnbench._engine.symbolic import Column, Piece, Span, Symbol
from rnnbench._errors import class_location


class Trace(TorchFunctionMode):
    """A run of ``step`` with symbols.

    Attributes:
        place: file and line of ``step``.
        graph: all nodes.
        after: the state after the step, one node per part.
        gates: the nodes that ``step`` returns as gates, by name.
        tensors: the weights of products, (G*H, K), and vectors, (G*H,). A node's key is the index of its tensor and of its block
            of H rows.
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        code = getattr(cell.step, "__code__", None)
        self.place = f"{Path(code.co_filename).name}, line {code.co_firstlineno}" if code else class_location(type(cell))
        self.H, self.D, self.dtype = cell.hidden_size, cell.input_size, cell._like.dtype
        self.state_names = cell.state_names
        self.graph = Graph()
        self.tensors: list[Tensor] = []
        self.hoisting = Hoisting(cell)
        self.hoist = self.hoisting.hoist
        for name, part in zip(cell.state_names, cell.initial_state, strict=True):
            if part.shape != (self.H,):
                refuse(f"a state with the part {name} of shape {tuple(part.shape)} is not compiled: every part must be (H,)")
        state = tuple(Symbol(self, [self.graph.make("state", key=k)]) for k in range(len(cell.state_names)))
        with torch.enable_grad(), self:
            step: Callable[..., Any] = cell.step
            try:
                after, gates = step(Symbol(self, [Span(0, self.D)]), state)
            except NotCompiledError:
                raise
            except Exception as error:
                refuse(f"{type(error).__name__} while tracing step: {error}".partition("\n")[0])
            self.after = [self.blocks(part, 1)[0] for part in after]
            self.gates = {
                str(name): gate.pieces[0]
                for name, gate in gates.items()
                if isinstance(gate, Symbol) and len(gate.pieces) == 1 and isinstance(gate.pieces[0], Node)
            }

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.call(func, args, kwargs or {})

    def call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Return a symbol if a symbol is among the arguments, else the tensor itself, from a recorded call."""
        if not torch.is_grad_enabled():
            refuse(without_gradient())
        if torch.is_autocast_enabled("cpu"):
            refuse("autocast within a step is not compiled")
        if any(isinstance(leaf, Symbol) for leaf in leaves((args, kwargs))):
            return self.symbolic(func, args, kwargs)
        return self.hoist(func, *args, **kwargs)

    def symbolic(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Apply a function with a symbol among its arguments."""
        name = ALIASES.get(name_of(func), name_of(func))
        if (str(func.__name__).endswith("_") and not str(func.__name__).endswith("__")) or kwargs.get("inplace"):
            refuse("a change in place is not compiled")
        kwargs = {key: value for key, value in kwargs.items() if key != "inplace"}
        if name == "linear":
            return self.linear(*args, **kwargs)
        if name == "addmm" and not kwargs:
            return args[1] @ args[2] + args[0]
        if name == "matmul" and isinstance(args[0], Symbol) and isinstance(args[1], Tensor):
            return self.linear(args[0], self.hoist(torch.t, args[1]) if args[1].ndim == 2 else refuse("a product with a vector"))
        if name in ("to", "type", "type_as", "float", "double"):
            return self.cast(name, *args, *kwargs.values())
        if name in ("new_zeros", "new_ones", "new_full"):
            return self.hoist(getattr(torch, name[4:]), *args[1:], **{"dtype": self.dtype} | kwargs)
        if name in ("chunk", "split"):
            return self.split(name, *args, **kwargs)
        if name == "getitem":
            return self.item(*args)
        if name == "cat":
            return self.cat(*args, **kwargs)
        if name in ("contiguous", "clone") or (name == "dropout" and not (kwargs.get("training", True) and kwargs.get("p", 0.5))):
            return args[0]
        if name in ("zeros_like", "ones_like", "full_like"):
            value = args[1] if name == "full_like" else float(name == "ones_like")
            return Symbol(self, [self.graph.number(value)] * (args[0].shape[1] // self.H))
        if name == "where" and func is Tensor.where:
            args = (args[1], args[0], args[2])
        if name in WHOLE:
            return WHOLE[name](self, *args, **kwargs)
        if name in COMPOSED or name in OPERATORS:
            return self.pointwise(name, args, kwargs)
        return refuse(f"{name} is not compiled")

    def width(self, piece: Piece) -> int:
        return piece.stop - piece.start if isinstance(piece, Span) else 1 if isinstance(piece, Column) else self.H

    def tensor_index(self, tensor: Tensor) -> int:
        """Return the index in ``tensors`` of a tensor computed from parameters only; add it if it is new."""
        for k, earlier in enumerate(self.tensors):
            if earlier is tensor:
                return k
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def rows(self, keys: Sequence[tuple[int, int]]) -> Tensor:
        """Stack blocks of H rows of ``tensors``, taking neighbouring blocks of one tensor together."""
        parts, at = [], 0
        while at < len(keys):
            (which, first), on = keys[at], at + 1
            while on < len(keys) and keys[on] == (which, first + on - at):
                on += 1
            tensor, count = self.tensors[which], (on - at) * self.H
            parts.append(tensor if count == len(tensor) else self.hoist(torch.narrow, tensor, 0, first * self.H, count))
            at = on
        return parts[0] if len(parts) == 1 else self.hoist(torch.cat, parts)

    def input(self, span: Span, weight: Tensor) -> list[Node]:
        """Return nodes for the product of columns of the input with ``weight`` (G*H, columns)."""
        if span != (0, self.D):
            weight = self.hoist(F.pad, weight, (span.start, self.D - span.stop))
        return [self.graph.make("input", key=(self.tensor_index(weight), k)) for k in range(len(weight) // self.H)]

    def blocks(self, value: Any, G: int) -> list[Node]:
        """Return G nodes for a symbol, a number or a tensor computed from parameters only."""
        if isinstance(value, Real):
            return [self.graph.number(float(value))] * G
        H = self.H
        if isinstance(value, Symbol) and len(value.pieces) == 1 and isinstance(value.pieces[0], Column):
            return [value.pieces[0].node] * G
        if isinstance(value, Symbol):
            if value.shape[1] != G * H:
                refuse(f"a block of {value.shape[1]} columns where {G * H} are needed is not compiled")
            found: list[Node] = []
            for piece in value.pieces:
                if isinstance(piece, Node):
                    found.append(piece)
                elif isinstance(piece, Column):
                    refuse("a sum over the units next to other columns is not compiled")
                elif self.width(piece) % H:
                    refuse("the input itself, beyond products with weights, is compiled only where it is as wide as the state")
                else:
                    found += self.input(piece, self.hoist(torch.eye, self.width(piece), dtype=self.dtype))
            return found
        if not isinstance(value, Tensor) or value.is_complex():
            refuse(f"{'complex numbers' if isinstance(value, Tensor) else type(value).__name__} in a step is not compiled")
        if value.numel() not in (1, G * H) or value.shape[-1:].numel() != value.numel():
            refuse(f"a constant of shape {tuple(value.shape)} is not compiled")
        if value.dtype != self.dtype:
            value = self.hoist(Tensor.to, value, self.dtype)
        if value.shape != (G * H,):
            value = self.hoist(Tensor.expand, self.hoist(Tensor.reshape, value, (-1,)), (G * H,))
        return [self.graph.make("vector", key=(self.tensor_index(value), k)) for k in range(G)]

    def linear(self, x: Symbol, weight: Any, bias: Any = None) -> Symbol:
        if not (isinstance(x, Symbol) and isinstance(weight, Tensor)):
            refuse("a product of anything but an input or a state with a weight is not compiled")
        N, K = weight.shape
        if N % self.H or x.shape[1] != K:
            refuse(
                f"a product of {x.shape[1]} columns with a weight of shape {(N, K)} is not compiled: rows come in multiples of H"
            )
        G = N // self.H
        sums: list[Node] = [self.graph.number(0)] * G
        at = 0
        for piece in x.pieces:
            on = at + self.width(piece)
            part = weight if len(x.pieces) == 1 else self.hoist(torch.narrow, weight, 1, at, on - at)  # (N, width)
            if isinstance(piece, Span):
                products = self.input(piece, part)
            elif isinstance(piece, Column):
                refuse("a product with a sum over the units is not compiled")
            else:
                products = [self.graph.make("product", piece, key=(self.tensor_index(part), k)) for k in range(G)]
            sums = [product if so_far.number == 0 else so_far + product for so_far, product in zip(sums, products, strict=True)]
            at = on
        if bias is not None:
            sums = [so_far + vector for so_far, vector in zip(sums, self.blocks(bias, G), strict=True)]
        return Symbol(self, list(sums))

    def cut(self, x: Symbol, start: int, stop: int) -> Symbol:
        """Return columns ``start`` to ``stop``."""
        pieces: list[Piece] = []
        at = 0
        for piece in x.pieces:
            low, high = max(start - at, 0), min(stop - at, self.width(piece))
            if low < high:
                if isinstance(piece, Span):
                    pieces.append(Span(piece.start + low, piece.start + high))
                elif (low, high) == (0, self.width(piece)):
                    pieces.append(piece)
                else:
                    refuse("a slice that does not begin and end at multiples of H is not compiled")
            at += self.width(piece)
        return Symbol(self, pieces)

    def split(self, name: str, x: Symbol, count: Any, dim: int = 0) -> tuple[Symbol, ...]:
        if dim not in (1, -1):
            refuse(f"{name} of the batch is not compiled")
        total = x.shape[1]
        size = -(-total // count) if name == "chunk" else count
        sizes = [min(size, total - at) for at in range(0, total, size)] if isinstance(size, int) else size
        ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
        return tuple(self.cut(x, end - size, end) for end, size in zip(ends, sizes, strict=True))

    def item(self, x: Symbol, index: Any) -> Symbol:
        match index:
            case (first, slice(step=None) as columns) if first is ... or first == slice(None):
                start, stop, _ = columns.indices(x.shape[1])
                return self.cut(x, start, stop)
        return refuse("an index other than [:, start:stop] is not compiled")

    def cat(self, parts: Any, dim: int = 0) -> Symbol:
        if dim not in (1, -1) or not all(isinstance(part, Symbol) for part in parts):
            refuse("cat of anything but blocks of columns is not compiled")
        return Symbol(self, [piece for part in parts for piece in part.pieces])

    def cast(self, name: str, x: Symbol, *to: Any) -> Symbol:
        """Convert numbers or the result of a comparison to the cell's dtype; refuse any other dtype."""
        given = [getattr(value, "dtype", value) for value in to]
        dtypes = [dtype for dtype in given if isinstance(dtype, torch.dtype)]
        dtype = {"float": torch.float32, "double": torch.float64}.get(name, *dtypes or [self.dtype])
        if dtype != self.dtype:
            refuse(f"a change to {str(dtype).removeprefix('torch.')} is not compiled")
        return self.pointwise("mul", (x, 1), {}) if all(isinstance(piece, Node) for piece in x.pieces) else x

    def pointwise(self, name: str, args: Any, kwargs: dict[str, Any]) -> Symbol:
        """Apply an operator block by block."""
        if name in ("max", "min") and (len(args) != 2 or isinstance(args[1], int)):
            refuse(f"{name} over the units is not compiled")
        G = max(arg.shape[1] for arg in leaves((args, kwargs)) if isinstance(arg, Symbol)) // self.H or 1
        rows: list[Any] = []
        for k in range(G):

            def block(value: Any, k: int = k) -> Any:
                if value is None or (name in SETTINGS and not isinstance(value, (Symbol, Tensor))):
                    return value
                node = self.blocks(value, G)[k]
                if name in LOGICAL and node.op not in COMPARED:
                    return comparison("ne", node, 0)
                return select(node, self.graph.number(1), 0) if node.op in COMPARED and name not in TRUTHS else node

            given = [block(arg) for arg in args]
            settings = {key: value if key in ("alpha", "value") else block(value) for key, value in kwargs.items()}
            rows.append(COMPOSED[name](*given, **settings) if name in COMPOSED else self.graph.apply(name, *given))
        given_columns = all(isinstance(arg.pieces[0], Column) for arg in leaves((args, kwargs)) if isinstance(arg, Symbol))
        return Symbol(self, [Column(row) for row in rows] if given_columns else rows)
