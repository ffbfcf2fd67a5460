"""Each part of a class counts in its identity, and variables that a function assigns to do not, with and without source text."""

import subprocess
import sys
from types import ModuleType

import pytest

from rnnbench._plugins.source import digest_of, source_of_class, uncovered_globals
from tests.engine.test_identity import run


@pytest.mark.parametrize("registered", [True, False], ids=["source", "bytecode"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'a': 1", "'a': 3"),
        ("return 2", "return 4"),
        ("limit=RATE", "limit=3"),
        ("x + RATE", "x - RATE"),
        ("make(4)", "make(5)"),
        ("+ 1", "+ 3"),
    ],
    ids=["dict", "function", "default", "method", "closure", "base"],
)
def test_every_part_of_a_class_counts_with_and_without_source(old: str, new: str, registered: bool) -> None:
    text = """
RATE = 0.5
def start():
    return 2
def make(count):
    class Base:
        def start(self):
            return RATE + 1
    class Mine(Base):
        table = {'a': 1}
        def step(self, x, limit=RATE):
            return x + RATE, count, start()
    return Mine
Mine = make(4)
"""
    module, digests = ModuleType("my_notebook"), []
    assert old in text
    for version in (text, text, text.replace(old, new)):
        run(module, version, registered)
        digests.append(source_of_class(module.Mine))
    assert digests[0] == digests[1]
    assert digests[2] != digests[0] or (old, registered) == ("'a': 1", False)
    module.Mine.table["a"] = 5
    assert source_of_class(module.Mine) == digests[2]
    assert uncovered_globals(module.Mine) == ([] if registered else ["Mine.table (dict)"])


COUNTERS = {
    "global CALLS; CALLS += 1": "CALLS",
    "Mine.calls = Mine.calls + 1": "Mine.calls",
    "type(self).calls += 1": "Mine.calls",
    "self.__class__.calls = self.calls + 1": "Mine.calls",
    "self.count()": "Mine.counted",
    "setattr(type(self), 'calls', self.calls + 1)": "Mine.calls",
    "helpmod.N += 1": "helpmod.N",
    "helpmod.count()": "helpmod.N",
}


@pytest.mark.parametrize("registered", [True, False], ids=["source", "bytecode"])
@pytest.mark.parametrize("line", COUNTERS)
def test_a_counter_does_not_change_the_identity_however_it_is_written(line: str, registered: bool) -> None:
    helpmod = sys.modules["helpmod"] = ModuleType("helpmod")
    run(helpmod, "N = 0\ndef count():\n    global N\n    N += 1\n")
    module, name = ModuleType("my_notebook"), COUNTERS[line]
    text = f"""
import helpmod
CALLS, N = 0, 1
class Mine:
    N, calls, counted, rate = 2, 0, 0, 0.5
    @classmethod
    def count(cls):
        cls.counted += 1
    def step(self):
        {line}
        self.rate = CALLS + N + helpmod.N
"""
    run(module, text, registered)
    before = source_of_class(module.Mine)
    module.Mine().step()
    assert source_of_class(module.Mine) == before
    if registered or name != "helpmod.N":  # bytecode does not name attributes of modules
        assert f"{name} (assigned by a function)" in uncovered_globals(module.Mine)
    if registered or line != "helpmod.N += 1":  # bytecode does not tell this N from another's attribute N
        for owner, constant in ((module, "N"), (module.Mine, "N"), (module.Mine, "rate")):
            before = source_of_class(module.Mine)
            setattr(owner, constant, 7)
            assert source_of_class(module.Mine) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(1, (2, 3))", "(1, (2, 4))"),
        ("{'p', 'q'}", "{'p', 'r'}"),
        ("float32", "float64"),
        ("cpu", "meta"),
        ("/data", "/other"),
        ("a * b", "a + b"),
        ("(f, 1,", "(f, 2,"),
        ("b=5", "b=6"),
        ("x - 1", "x - 2"),
        ("RATE = 0.5", "RATE = 0.6"),
    ],
)
def test_immutable_objects_partial_functions_and_classes_of_instances_count(old: str, new: str) -> None:
    text = """
import torch
from functools import partial
from pathlib import Path
PAIRS, NAMES = (1, (2, 3)), frozenset({'p', 'q'})
KIND, PLACE, FOLDER = torch.float32, torch.device('cpu'), Path('/data')
RATE = 0.5
def f(a, b):
    return a * b
g = partial(f, 1, b=5)
class H:
    def __init__(self):
        self.count = 0
    def __call__(self, x):
        return RATE * x - 1
h = H()
class Mine:
    def step(self, x):
        return g() + h(x), PAIRS, NAMES, KIND, PLACE, FOLDER
"""
    module = ModuleType("my_notebook")
    assert old in text
    run(module, text)
    before = source_of_class(module.Mine)
    module.h.count += 1
    assert source_of_class(module.Mine) == before
    assert uncovered_globals(module.Mine) == ["h (H)"]
    run(module, text.replace(old, new))
    assert source_of_class(module.Mine) != before


def test_sets_of_constants_are_identified_alike_in_every_process() -> None:
    lines = (
        "from rnnbench._plugins.source import source_of_class",
        "NAMES = frozenset('pqrst')",
        "class Mine:",
        "    def step(self, x):",
        "        return x in NAMES or x in {'u', 'v', 'w', 'x'}",
        "print(source_of_class(Mine))",
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", "\n".join(lines)], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        for seed in "12"
    ]
    assert outputs[0].stdout == outputs[1].stdout != ""


def test_line_ends_do_not_change_a_digest() -> None:
    assert digest_of(b"a = 1\r\nb = 2\r\n") == digest_of(b"a = 1\nb = 2\n") != digest_of(b"a = 1b = 2")
