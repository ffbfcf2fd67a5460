"""The schedule and the storage of a step.

A time step, forward or backward, is a list of phases: pointwise statements, with matrix products between them. A statement computes
one block and stores it at one place. It runs in the latest phase that is early enough for all statements that use it, so that there
are few passes over a block. A value that one statement needs is computed inside it. An expensive value that several need is stored.
All other values are computed again where they are needed.

The slots of a step are side by side in ``gates``. If only one nonlinearity needs a slot's content, its value, which the backward
pass needs, overwrites the slot. The adjoints of the state before a step are stored apart from those of the state after it, so that
no phase overwrites an adjoint which is still needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from rnnbench._engine.derive import Key, content, derive, gather_slots
from rnnbench._engine.graph import DEAR, OPERATORS, ROUTES, TRUTH, Node, reachable
from rnnbench._engine.refusal import NotCompiledError
from rnnbench._engine.trace import Trace

NUMBERS = {-2: "-two", -1: "-one", -0.5: "-half", 0: "zero", 0.5: "half", 1: "one", 2: "two", 3: "three"}
"""The numbers that emitted code names; others are its arguments, so a new value needs no compilation."""


class Place(NamedTuple):
    """Where a block is stored: the name of an array and the index of the block; ``adds`` if it is added to the array's content."""

    array: str
    block: int = 0
    adds: bool = False


class Statement(NamedTuple):
    """The computation of a node and the place where its block is stored."""

    place: Place
    node: Node


class Product(NamedTuple):
    """A matrix product of a source with weight number ``weight``, for the ``width`` slots from ``first`` on."""

    source: Node
    weight: int
    first: int
    width: int


@dataclass
class Pass:
    """One direction of a step.

    Attributes:
        places: the place of every stored block, whether statements compute it or not.
        phases: the statements of each phase, in order.
        products: the products before each phase, and those after the last.
        rows: the number of temporary blocks that hold one row.
        blocks: the number of temporary blocks that hold all rows.
    """

    places: dict[Node, Place]
    phases: list[list[Statement]] = field(default_factory=list)
    products: list[list[Product]] = field(default_factory=list)
    rows: int = 0
    blocks: int = 0


@dataclass
class Plan:
    """The information that the emitter needs to write a step's code.

    Attributes:
        gates: the nodes' names, from the cell's gates.
        slots: the slots in the order of their blocks in ``gates``; the first ``inputs`` of them take a product of the input.
        products: all products; ``weights`` holds the tensors of each, block by block.
        sources: the sources of products outside the state, each with a separate array.
        vectors: the vectors outside the slots.
        width: the largest number of columns of any block.
        keeps: True if the backward pass reads ``gates``.
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
    width: int
    forward: Pass
    backward: Pass
    keeps: bool
    numbers: list[float]


def plan(trace: Trace) -> Plan:
    """Plan a traced step, independently of sizes. Raise NotCompiledError for a step without products of its input."""
    graph = trace.graph
    after, became = gather_slots(trace.after)
    adjoints = derive(graph, after, trace.widths)
    nodes = reachable(after)
    slots = sorted((node for node in nodes if node.op == "slot"), key=_column)
    inputs = sum(content(slot).input is not None for slot in slots)
    if inputs == 0:
        raise NotCompiledError(f"{trace.place}: a state that does not depend on products of its input is not compiled")
    columns = {slot: k for k, slot in enumerate(slots)}
    products, weights = _group_products(slots)
    vectors = [node for node in nodes if node.op == "vector"]
    before = {node: Place("before", int(node.key)) for node in nodes if node.op == "state"}
    leaves = before | {node: Place("vectors", k) for k, node in enumerate(vectors)}
    leaves |= {node: Place("noise", node.key) for node in nodes if node.op == "noise"}
    ends = {node: Place("after", k) for k, node in reversed(list(enumerate(after))) if node not in leaves}
    sources = [node for node in dict.fromkeys(product.source for product in products) if node.op != "state" and node not in ends]

    # backward: the nodes to compute, and the places of those that exist before
    through = {source: back for source, back in adjoints.backs.items() if source.op != "state"}
    back_places = {node: Place("back", k) for k, node in enumerate(through.values())}
    incoming = {graph.make("adjoint", key=k): Place("adjoint", k) for k in range(len(after))}
    zero = graph.number(0)
    back_roots = [(Place("adjoints", columns[slot]), adjoints.slots.get(slot, zero)) for slot in slots]
    back_roots += [(Place("source", k), node) for k, node in enumerate(sources)]
    for k, node in enumerate(adjoints.states):
        if node is not None or graph.make("state", key=k) not in adjoints.backs:
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
    numbers = sorted({node.number for node in graph.nodes.values() if node.number is not None and node.number not in NUMBERS})
    gates = {became[node]: name for name, node in trace.gates.items() if node in became}
    width = max(node.width for node in graph.nodes.values() if node.op != "x")
    return Plan(trace, gates, after, slots, inputs, products, weights, sources, vectors, width, forward, backward, keeps, numbers)


def _column(slot: Node) -> tuple[object, ...]:
    """Return a sort key: slots with inputs first, then those with the same sources together, in the order of their rows."""
    key = content(slot)
    return key.input is None, sorted(source.order for source in slot.args), key.input or (0, 0), key.products


def _group_products(slots: list[Node]) -> tuple[list[Product], list[list[tuple[Key, ...]]]]:
    """Return one product for each source and each run of neighbouring slots, with the weights' blocks."""
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
    """Return, by slot, the expensive operator whose value may overwrite it: its only use, also in the backward pass."""
    users: dict[Node, list[Node]] = {}
    for node in reachable(after):
        for arg in node.args:
            users.setdefault(arg, []).append(node)
    chosen: dict[Node, Node] = {}
    for slot in slots:
        node = slot
        while node not in after and len(users.get(node, ())) == 1 and (node is slot or OPERATORS[node.op].cost < DEAR):
            node = users[node][0]
            if node.op in ("slot", *ROUTES):
                break
        if (
            node in after
            or node.op in ("slot", *ROUTES)
            or node.width != slot.width
            or OPERATORS[node.op].cost < DEAR
            or node in chosen.values()
        ):
            continue
        taken = {*found, *chosen.values(), node}
        if slot not in reachable(back, cut=lambda node, taken=taken: node in taken):  # type: ignore[misc]
            chosen[slot] = node
    return chosen


def _levels(nodes: list[Node], given: dict[Node, int]) -> dict[Node, int]:
    """Return for each node the number of products on the longest path to it."""
    levels = dict(given)
    for node in nodes:
        if node not in levels:
            levels[node] = max((levels[arg] for arg in node.args), default=0) + (
                node.op == "back" or (node.op == "slot" and bool(node.args))
            )
    return levels


def _schedule(
    roots: list[tuple[Place, Node]], places: dict[Node, Place], levels: dict[Node, int], limits: dict[Node, int], last: int
) -> Pass:
    """Return statements for the roots and their shared nodes, in phases 0 to ``last``; ``limits`` are the nodes' latest phases."""
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
    swept = {node for node in every if node.op in ROUTES and node.op != "pick"}  # each computed by a separate loop
    swept |= {arg for node in every if node.op in ROUTES and node.op != "total" and node not in places for arg in node.args}
    aside: list[Node] = []
    for node in reversed(every):
        if node in places or node.op == "number":
            continue
        if node not in primary and (node in swept or (len(needs[node]) > 1 and costs[node] > 6 and node.op not in TRUTH)):
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
    """Return the nodes that a statement computes from: its node's arguments if it stores the node first, else the node."""
    own = primary.get(statement.node) == statement.place or statement.place.array == "aside"
    return statement.node.args if own else (statement.node,)
