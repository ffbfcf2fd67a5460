"""The columns of a traced step: every column of every node has a number, and a symbol is a tensor of such numbers.

So torch itself moves columns: a function that only rearranges them, such as ``view`` or ``roll``, runs on the numbers. Where an
operator needs blocks, :meth:`ColumnTable.block` finds the nodes that a row of numbers stands for, or makes one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from rnnbench._engine.derive import Key
from rnnbench._engine.graph import OPERATORS, ROUTES, TRUTH, Graph, Node, route, select
from rnnbench._engine.hoisting import Hoisting


class Ref(NamedTuple):
    """One column of a node."""

    node: Node
    column: int


Refs = tuple[Ref, ...]


class ColumnTable:
    """The numbers of all columns, and the tensors computed from parameters only that nodes refer to.

    Column 0 is the number 0, so that torch functions which fill with zeros fill with it.
    """

    def __init__(self, graph: Graph, hoisting: Hoisting, dtype: torch.dtype, D: int, widths: list[int]) -> None:
        self.graph, self.hoist, self.dtype = graph, hoisting.hoist, dtype
        self.widths = sorted({width for width in widths if width >= widths[0]}, reverse=True)
        self.tensors: list[Tensor] = []
        self.starts: list[int] = []
        self.nodes: list[Node] = []
        self.first: dict[Node, int] = {}
        self.blocks: dict[tuple[tuple[int, int], ...], Node] = {}
        self.refs(graph.number(0))
        self.x = graph.make("x", width=D)

    def refs(self, node: Node) -> Tensor:
        """Return the numbers (width,) of a node's columns."""
        if node not in self.first:
            self.first[node] = self.starts[-1] + self.nodes[-1].width if self.nodes else 0
            self.starts.append(self.first[node])
            self.nodes.append(node)
        return torch.arange(self.first[node], self.first[node] + node.width)

    def located(self, refs: Tensor) -> Refs:
        """Return the node and the column that each number stands for."""
        found = []
        for ref in refs.flatten().tolist():
            which = bisect_right(self.starts, ref) - 1
            found.append(Ref(self.nodes[which], ref - self.starts[which]))
        return tuple(found)

    def tensor_index(self, tensor: Tensor) -> int:
        """Return the index in ``tensors`` of a tensor computed from parameters only; add it if it is new."""
        for k, earlier in enumerate(self.tensors):
            if earlier is tensor:
                return k
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def rows(self, keys: Sequence[Key]) -> Tensor:
        """Stack rows of ``tensors``, taking neighbouring rows of one tensor together."""
        parts, at = [], 0
        while at < len(keys):
            which, start, stop = keys[at]
            at += 1
            while at < len(keys) and keys[at][:2] == (which, stop):
                stop = keys[at].stop
                at += 1
            tensor = self.tensors[which]
            whole = (start, stop) == (0, len(tensor))
            parts.append(tensor if whole else self.hoist(torch.narrow, tensor, 0, start, stop - start))
        return parts[0] if len(parts) == 1 else self.hoist(torch.cat, parts)

    def leaf(self, op: str, tensor: Tensor, *args: Node, split: bool = False) -> list[Node]:
        """Return nodes of that operator for all rows of a tensor; with ``split``, in blocks of the widest state that fits."""
        N, which = len(tensor), self.tensor_index(tensor)
        block = next((width for width in self.widths if split and N % width == 0), N)
        return [self.graph.make(op, *args, key=Key(which, at, at + block), width=block) for at in range(0, N, block)]

    def pieces(self, refs: Refs) -> list[int]:
        """Return the positions at which whole nodes, repeated columns and all other runs begin, and the end."""
        ends, at, inside = {0, len(refs)}, 0, False  # inside: the column before is one of a node that is not whole here
        while at < len(refs):
            node, column = refs[at]
            on = at + 1
            if node.width == 1:
                while on < len(refs) and refs[on] == refs[at]:
                    on += 1
            else:
                while on < len(refs) and on - at < node.width and refs[on] == (node, column + on - at):
                    on += 1
            alone = not (inside and refs[at - 1].node is node) and not (
                on < len(refs) and refs[on].node is node and refs[on].column
            )
            inside = not (node.width == 1 or (on - at == node.width and alone))
            if not inside:
                ends |= {at, on}
            at = on
        return sorted(ends)

    def block(self, refs: Refs) -> Node:
        """Return the node with these columns. A column that is repeated in all places is returned as it is."""
        key = tuple((ref.node.order, ref.column) for ref in refs)
        if key not in self.blocks:
            self.blocks[key] = self._block(refs)
        return self.blocks[key]

    def _block(self, refs: Refs) -> Node:
        first = refs[0].node
        same = all(ref == (first, 0 if first.width == 1 else k) for k, ref in enumerate(refs))
        if same and first is not self.x and first.width in (1, len(refs)):
            return first
        nodes = list(dict.fromkeys(ref.node for ref in refs))
        alike = all((node.op, len(node.args)) == (first.op, len(first.args)) for node in nodes)
        unique = tuple(dict.fromkeys(refs))
        if alike and first.op == "x":
            chosen = self.hoist(torch.eye, first.width, dtype=self.dtype)
            if len(refs) < first.width or [ref.column for ref in refs] != list(range(first.width)):
                chosen = self.hoist(torch.index_select, chosen, 0, torch.tensor([ref.column for ref in refs]))
            return self.leaf("input", chosen)[0]
        if self.x in nodes:
            (whole,) = self.leaf("input", self.hoist(torch.eye, self.x.width, dtype=self.dtype))
            return self.block(tuple(Ref(whole, ref.column) if ref.node is self.x else ref for ref in refs))
        if alike and first.op in ("number", "vector"):
            return self._constant(refs)
        if alike and first.op in ("product", "input") and self._same_tensor(nodes):
            at = [ref.node.key.start + ref.column for ref in refs]
            tensor = self.tensors[first.key.tensor]
            return self._chosen_rows(first.op, tensor, at, *first.args)
        if len(unique) == 1 < len(refs):
            return self.block(unique)
        if len(unique) < len(refs):
            return route(self.block(unique), tuple((unique.index(ref),) for ref in refs))
        if alike and first.op in OPERATORS and first.op not in ROUTES and len(refs) != first.width:
            of = [[Ref(a, 0 if a.width == 1 else column) for a in node.args] for node, column in refs]
            return self.graph.apply(first.op, *(self.block(tuple(args)) for args in zip(*of, strict=True)))
        if len(nodes) == 1:
            return route(first, tuple((ref.column,) for ref in refs))
        computed = [node for node in nodes if node.op not in ("number", "vector")]
        parts = [route(node, tuple((ref.column,) if ref.node is node else () for ref in refs)) for node in computed]
        if any(node.number != 0 for node in nodes if node not in computed):
            zero = Ref(self.graph.number(0), 0)
            parts.append(self._constant(tuple(zero if ref.node in computed else ref for ref in refs)))
        return reduce(Node.__add__, parts)

    def full(self, refs: Refs) -> Node:
        """Return the node with these columns, of their number."""
        node = self.block(refs)
        return node if node.width == len(refs) else route(node, ((0,),) * len(refs))

    def _same_tensor(self, nodes: list[Node]) -> bool:
        return len({(node.args, node.key.tensor) for node in nodes}) == 1

    def _chosen_rows(self, op: str, tensor: Tensor, at: list[int], *args: Node) -> Node:
        start, stop = at[0], at[0] + len(at)
        if at == list(range(start, stop)):
            return self.graph.make(op, *args, key=Key(self.tensor_index(tensor), start, stop), width=len(at))
        return self.leaf(op, self.hoist(torch.index_select, tensor, 0, torch.tensor(at)), *args)[0]

    def _constant(self, refs: Refs) -> Node:
        """Return numbers and vectors as one vector."""
        if all(ref.node.op == "vector" for ref in refs) and self._same_tensor([ref.node for ref in refs]):
            places = [ref.node.key.start + ref.column for ref in refs]
            return self._chosen_rows("vector", self.tensors[refs[0].node.key.tensor], places)
        nodes = list(dict.fromkeys(ref.node for ref in refs))
        parts: list[Tensor] = []
        first: dict[Node, int] = {}
        at = 0
        for node in nodes:
            first[node] = at
            at += node.width
            number = node.number
            parts.append(self.hoist(torch.full, (1,), number, dtype=self.dtype) if number is not None else self.rows([node.key]))
        order = torch.tensor([first[ref.node] + ref.column for ref in refs])
        return self.leaf("vector", self.hoist(torch.index_select, self.hoist(torch.cat, parts), 0, order))[0]

    def products(self, refs: Refs, weight: Tensor) -> list[Node]:
        """Return the nodes of the product of columns with ``weight`` (N, K), in blocks of H if N is a multiple of H."""
        sums: list[Node] = []
        ends = self.pieces(refs)
        parts: dict[Node, list[int]] = {}
        for start, stop in pairwise(ends):
            whole = len({ref.node for ref in refs[start:stop]}) == 1 and [r.column for r in refs[start:stop]] == list(
                range(refs[start].node.width)
            )
            if whole:
                sums = self.added(sums, self.source(refs[start].node, weight, (start, stop) if len(ends) > 2 else None))
                continue
            for at in range(start, stop):
                parts.setdefault(refs[at].node, []).append(at)
        for node, places in parts.items():  # the node's other columns get weights of zero
            columns = torch.tensor([refs[at].column for at in places])
            part = self.hoist(torch.index_select, weight, 1, torch.tensor(places))
            zeros = self.hoist(torch.zeros, (len(weight), node.width), dtype=self.dtype)
            sums = self.added(sums, self.source(node, self.hoist(torch.index_add, zeros, 1, columns, part), None))
        return sums

    def added(self, sums: list[Node], terms: list[Node]) -> list[Node]:
        return [a + b for a, b in zip(sums, terms, strict=True)] if sums else terms

    def source(self, node: Node, weight: Tensor, columns: tuple[int, int] | None) -> list[Node]:
        """Return the nodes of the product of a node with a weight, or with some of its columns."""
        if columns is not None:
            weight = self.hoist(torch.narrow, weight, 1, columns[0], columns[1] - columns[0])
        if node is self.x:
            return self.leaf("input", weight, split=True)
        if node.op in ("number", "vector"):  # a constant
            value = self.hoist(torch.full, (1,), node.number, dtype=self.dtype) if node.op == "number" else self.rows([node.key])
            return self.leaf("vector", self.hoist(torch.mv, weight, value), split=True)
        return self.leaf("product", weight, select(node, 1, 0) if node.op in TRUTH else node, split=True)
