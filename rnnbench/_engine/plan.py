"""When what is computed, and where it is put.

A time step forward, and one back, is a list of phases: pointwise statements, with matrix products between them. A statement
computes one block and stores it at one place. It runs in the latest phase that is early enough for all who need it, so that there
are few passes over a block. What is needed by one statement alone is computed inside it; what is dear and needed by several is
stored aside; all else is computed again where it is needed.

The slots of a step lie side by side in ``gates``. A slot whose content is needed only for one nonlinearity is overwritten by that
one's value, which the backward pass needs. The adjoints of the state before a step are kept apart from those of the state after it:
so no phase can find an adjoint overwritten that it still needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from rnnbench._engine.derive import Key, content, derive, gather
from rnnbench._engine.graph import DEAR, OPERATORS, Node, reachable
from rnnbench._engine.refusal import NotCompiledError
from rnnbench._engine.trace import Trace


class Place(NamedTuple):
    """Where a block is stored: the name of an array, and which of its blocks; ``adds`` where it is added to all that is there."""

    array: str
    block: int = 0
    adds: bool = False


class Statement(NamedTuple):
    place: Place
    node: Node


class Product(NamedTuple):
    """A matrix product: of a source with the weight number ``weight`` to the ``width`` slots from ``first`` on."""

    source: Node
    weight: int
    first: int
    width: int


@dataclass
class Pass:
    """One direction of a step.

    Attributes:
        places: where blocks are found that are not computed by statements, and those that are.
        phases: the statements of each phase, in order.
        products: the products before each phase, and those after the last.
        aside: how many blocks of one row, and how many of all rows, are stored aside.
    """

    places: dict[Node, Place]
    phases: list[list[Statement]] = field(default_factory=list)
    products: list[list[Product]] = field(default_factory=list)
    rows: int = 0
    blocks: int = 0


@dataclass
class Plan:
    """All that is needed to write the code of a step.

    Attributes:
        gates: the names that the cell gives to nodes.
        slots: in the order of their blocks in ``gates``; the first ``inputs`` of them take a product of the input.
        products: every product; ``weights`` says what each is made with, block by block.
        sources: those sources of products that are no part of the state, which get arrays of their own.
        vectors: those outside of slots.
        accumulated: the parts of the state whose adjoint ends with a product.
        keeps: whether the backward pass reads ``gates``.
    """

    trace: Trace
    gates: dict[Node, str]
    after: list[Node]
    slots: list[Node]
    inputs: int
    products: list[Product]
    weights: list[list[tuple[Key, ...]]]
    sources: list[Node]
    vectors: list[Node]
    accumulated: list[int]
    forward: Pass
    backward: Pass
    keeps: bool
    numbers: list[float]


def plan(trace: Trace) -> Plan:
    """Everything about a traced step that does not depend on sizes. Raises NotCompiledError for a step that has no input."""
    graph = trace.graph
    after, became = gather(trace.after)
    adjoints = derive(graph, after)
    nodes = reachable(after)
    slots = sorted((node for node in nodes if node.op == "slot"), key=_column)
    inputs = sum(content(slot).input is not None for slot in slots)
    if inputs == 0:
        raise NotCompiledError(f"{trace.place}: a state that does not depend on products of its input is not compiled")
    columns = {slot: k for k, slot in enumerate(slots)}
    products, weights = _products(slots)
    vectors = [node for node in nodes if node.op == "vector"]
    before = {node: Place("before", int(node.key)) for node in nodes if node.op == "state"}  # type: ignore[call-overload]
    leaves = before | {node: Place("vectors", k) for k, node in enumerate(vectors)}
    ends = {node: Place("after", k) for k, node in reversed(list(enumerate(after))) if node not in leaves}
    sources = [node for node in dict.fromkeys(product.source for product in products) if node.op != "state" and node not in ends]

    # the backward pass: what it computes, and what it finds
    through = {source: back for source, back in adjoints.backs.items() if source.op != "state"}
    back_places = {node: Place("back", k) for k, node in enumerate(through.values())}
    incoming = {graph.make("adjoint", key=k): Place("adjoint", k) for k in range(len(after))}
    accumulated = [k for k in range(len(after)) if _state(graph, k) in adjoints.backs]
    zero = graph.number(0)
    back_roots = [(Place("adjoints", columns[slot]), adjoints.slots.get(slot, zero)) for slot in slots]
    back_roots += [(Place("source", k), node) for k, node in enumerate(sources)]
    for k, node in enumerate(adjoints.states):
        if node is not None or k not in accumulated:
            back_roots.append((Place("adjoint_before", k), zero if node is None else node))
    back_roots += [(Place("dvectors", vectors.index(vector), adds=True), node) for vector, node in adjoints.vectors.items()]
    found = leaves | ends | incoming | back_places
    overwriting = _overwriting(after, slots, [node for _, node in back_roots], found)
    kept = {overwriting.get(slot, slot): Place("gates", columns[slot]) for slot in slots}
    needed = set(reachable([node for _, node in back_roots], cut=lambda node: node in found or node in kept))
    keeps = any(node in kept and node not in found for node in needed)

    # forward
    raw = {slot: Place("gates", columns[slot]) for slot in slots}
    roots = [(Place("after", k), node) for k, node in enumerate(after)]
    roots += [(Place("gates", columns[slot]), node) for slot, node in overwriting.items() if node in needed]
    roots += [(Place("source", k), node) for k, node in enumerate(sources)]
    levels = _levels(nodes, {})
    limits = {source: min(levels[slot] for slot in slots if source in slot.args) - 1 for source in {p.source for p in products}}
    forward = _schedule(roots, leaves | raw, levels, limits, max(levels.values()))
    forward.products = [[] for _ in range(len(forward.phases) + 1)]
    for product in products:
        forward.products[max(0, limits[product.source] + 1)].append(product)

    all_back = reachable([node for _, node in back_roots] + list(adjoints.backs.values()))
    levels = _levels(all_back, {node: 0 for node in all_back if node in found or node in kept if node.op != "back"})
    limits = {zero: 0}
    for source, back in through.items():
        for slot in slots:
            if source in slot.args and slot in adjoints.slots:
                limits[adjoints.slots[slot]] = min(limits.get(adjoints.slots[slot], 1 << 30), levels[back] - 1)
    last = max([levels[node] for _, node in back_roots] + [levels[back] for back in through.values()])
    backward = _schedule(
        back_roots, found | {node: place for node, place in kept.items() if node not in found}, levels, limits, last
    )
    backward.products = [[] for _ in range(len(backward.phases) + 1)]
    for product in products:
        source = product.source
        if source in through:
            backward.products[levels[through[source]]].append(product)
        elif source in adjoints.backs:
            backward.products[-1].append(product)
    numbers = sorted({node.number for node in graph.nodes.values() if node.number is not None and not _whole(node.number)})
    gates = {became[node]: name for name, node in trace.gates.items() if node in became}
    return Plan(
        trace, gates, after, slots, inputs, products, weights, sources, vectors, accumulated, forward, backward, keeps, numbers
    )


def _whole(number: float) -> bool:
    """Whether a number is written into the code; others are arguments, so that another value needs no new compilation."""
    return number in (-2, -1, -0.5, 0, 0.5, 1, 2, 3)


def _state(graph: object, k: int) -> Node:
    return graph.make("state", key=k)  # type: ignore[attr-defined,no-any-return]


def _column(slot: Node) -> tuple[object, ...]:
    """Slots with inputs first; those of the same sources beside each other, in the order of their weights' rows."""
    key = content(slot)
    return key.input is None, sorted(source.order for source in slot.args), key.input or (0, 0), key.products


def _products(slots: list[Node]) -> tuple[list[Product], list[list[tuple[Key, ...]]]]:
    """For each source one product to every run of neighbouring slots."""
    products: list[Product] = []
    weights: list[list[tuple[Key, ...]]] = []
    for source in sorted({source for slot in slots for source in slot.args}, key=lambda node: node.order):
        at = 0
        while at < len(slots):
            on = at
            blocks = []
            while on < len(slots) and source in slots[on].args:
                pairs = zip(slots[on].args, content(slots[on]).products, strict=True)
                blocks.append(tuple(key for arg, key in pairs if arg is source))
                on += 1
            if blocks:
                products.append(Product(source, len(products), at, on - at))
                weights.append(blocks)
            at = max(on, at + 1)
    return products, weights


def _overwriting(after: list[Node], slots: list[Node], back: list[Node], found: dict[Node, Place]) -> dict[Node, Node]:
    """For slots whose content is needed once: the first costly operator after it, if the backward pass does not need more."""
    users: dict[Node, list[Node]] = {}
    for node in reachable(after):
        for arg in node.args:
            users.setdefault(arg, []).append(node)
    chosen: dict[Node, Node] = {}
    for slot in slots:
        node = slot
        while node not in after and len(users.get(node, ())) == 1 and (node is slot or OPERATORS[node.op].cost < DEAR):
            node = users[node][0]
            if node.op == "slot":
                break
        if node in after or node.op == "slot" or OPERATORS[node.op].cost < DEAR or node in chosen.values():
            continue
        taken = {*found, *chosen.values(), node}
        if slot not in reachable(back, cut=lambda node, taken=taken: node in taken):  # type: ignore[misc]
            chosen[slot] = node
    return chosen


def _levels(nodes: list[Node], known: dict[Node, int]) -> dict[Node, int]:
    """How many products deep each node lies."""
    levels = dict(known)
    for node in nodes:
        if node not in levels:
            levels[node] = max((levels[arg] for arg in node.args), default=0) + (
                node.op == "back" or (node.op == "slot" and bool(node.args))
            )
    return levels


def _schedule(
    roots: list[tuple[Place, Node]], places: dict[Node, Place], levels: dict[Node, int], limits: dict[Node, int], last: int
) -> Pass:
    """Statements for the roots and for what they share, in phases 0 to ``last``; ``limits`` says how late a node may be."""
    made = Pass(dict(places))
    primary: dict[Node, Place] = {}
    for place, node in roots:
        if node not in places and node.op != "number" and not place.adds:
            primary.setdefault(node, place)
    stored = {*places, *primary}
    every = reachable([node for _, node in roots], cut=lambda node: node in places)
    needs: dict[Node, set[object]] = {node: set() for node in every}  # the statements that a node is computed in
    for index, (place, node) in enumerate(roots):
        needs[node].add(index if primary.get(node) is not place else node)
    costs: dict[Node, int] = {}
    for node in every:
        costs[node] = 1 if node in places or node.op == "number" else OPERATORS[node.op].cost + sum(costs[arg] for arg in node.args)
    aside: list[Node] = []
    for node in reversed(every):
        if node in places or node.op == "number":
            continue
        if node not in primary and (node.op == "total" or (len(needs[node]) > 1 and costs[node] > 6)):
            aside.append(node)
            stored.add(node)
        for arg in node.args:
            needs[arg] |= {node} if node in stored else needs[node]

    statements = [Statement(place, node) for place, node in roots] + [Statement(Place("aside"), node) for node in aside]
    phase: dict[Node, int] = {}
    inside = {
        statement: [arg for root in _start(statement, primary) for arg in reachable([root], cut=lambda node: node in stored)]
        for statement in statements
    }
    chosen: dict[Statement, int] = {}
    order = sorted(statements, key=lambda s: (s.node.order, primary.get(s.node) != s.place and s.node not in aside), reverse=True)
    for statement in order:
        own = statement.node in aside or primary.get(statement.node) == statement.place
        chosen[statement] = min(phase.get(statement.node, last), limits.get(statement.node, last)) if own else last
        if not own and statement.place.array in ("source", "adjoints"):
            chosen[statement] = min(last, limits.get(statement.node, last))
        for node in inside[statement]:
            phase[node] = min(phase.get(node, last), chosen[statement])
        assert chosen[statement] >= max((levels.get(node, 0) for node in inside[statement]), default=0)
    for node in sorted(aside, key=lambda node: node.order):
        users = {chosen[s] for s in statements if s.node is not node and node in inside[s]}
        own_phase = next(chosen[s] for s in statements if s.node is node and s.place.array == "aside")
        if users == {own_phase}:
            primary[node] = Place("row", made.rows)
            made.rows += 1
        else:
            primary[node] = Place("block", made.blocks)
            made.blocks += 1
    for k in range(last + 1):
        now = [s for s in reversed(order) if chosen[s] == k]
        made.phases.append([Statement(primary[s.node] if s.place.array == "aside" else s.place, s.node) for s in now])
    made.places |= primary
    return made


def _start(statement: Statement, primary: dict[Node, Place]) -> Iterable[Node]:
    """What a statement computes from: its own node's arguments where it is the one that stores it first, else the node."""
    own = primary.get(statement.node) == statement.place or statement.place.array == "aside"
    return statement.node.args if own else (statement.node,)
