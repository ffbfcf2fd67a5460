"""Plug-ins with one violation of the contract each: the checks report exactly that violation."""

from pathlib import Path

import pytest

from rnnbench.testing import BrokenContractError, cell_findings, check_cell, check_task, task_findings

ROOT = Path(__file__).parents[2]
HEAD = "import random\nimport numpy\nimport torch\nfrom torch import nn\nfrom rnnbench.cells import *\n"
LEAKY = """
class Leaky(Cell):
    name = "my-own"
    summary = "leaky integrator"

    def __init__(self, input_size: int, hidden_size: int, rate: float = 0.1) -> None:
        super().__init__(input_size, hidden_size)
        self.rate = rate
        self.stacked_weights(1, ())

    def step(self, x, state):
        (h,) = state
        new = torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T)
        return ((1 - self.rate) * h + self.rate * new,), {}
"""
ENDS = "        return ((1 - self.rate) * h + self.rate * new,), {}\n"
MODEL = """
class Model(SequenceModel):
    name = "model"
    summary = "a module of the library"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inner = nn.GRU(input_size, hidden_size)

    def sequence(self, x):
        return self.inner(x)[0]
"""


def with_attribute(line: str) -> tuple[str, str, str]:
    """Return the cell, and the change that adds a class attribute."""
    return LEAKY, 'integrator"\n', f'integrator"\n    {line}\n'


def with_statement(line: str, text: str = LEAKY) -> tuple[str, str, str]:
    """Return the class, and the change that adds a statement to ``__init__``."""
    return text, "hidden_size)\n", f"hidden_size)\n        {line}\n"


def with_method(signature: str, body: str, text: str = LEAKY) -> tuple[str, str, str]:
    """Return the class, and the change that adds a method."""
    return text + f"    def {signature}:\n        {body}\n", "", ""


BAD_CELLS = {
    "reversed": (MODEL, "self.inner(x)[0]", "self.inner(x.flip(0))[0].flip(0)", "depends on a later input"),
    "batch first": (MODEL, "hidden_size)\n\n", "hidden_size, batch_first=True)\n\n", "depends on the others of its batch"),
    "detached": (LEAKY, "(h,) = state", "h = state[0].detach()", "passes no gradient back to h"),
    "detached inside": (MODEL, "self.inner(x)[0]", "self.inner(x[:1])[0] + self.inner(x)[0].detach()", "no gradient"),
    "stolen name": (LEAKY, '"my-own"', '"rnn"', "taken by the built-in rnn.py, class RNN"),
    "no braces": (LEAKY, "new,), {}", "new,)", "with gates a dict of (B, H) tensors, {} if there are none"),
    "no tuple": (LEAKY, "new,), {}", "new), {}", "the state is not a tuple of 1 (h)"),
    "state of another shape": (LEAKY, ENDS, "        return (new[0],), {}\n", "step returns h of shape (16,), not (3, 16)"),
    "state part without a name": (LEAKY, "hidden_size)\n", "hidden_size, c=(9,))\n", "class Leaky: c is not a part of the state"),
    "gate of another shape": (LEAKY, "{}", "{'g': new[0]}", "gate g is (16,) instead of (B, H)"),
    "gate beyond its range": (
        LEAKY.replace("    summ", "    gates = {'g': Gate('g', 5, 6)}\n    summ"),
        "{}",
        "{'g': new}",
        "its range",
    ),
    "gates that are names": (*with_attribute('gates = ("g",)'), "Gate('forget gate f')"),
    "unknown default": (*with_attribute('default_init = "crhono"'), "default_init is 'crhono'"),
    "default that cannot be": (*with_attribute('default_init = "chrono"'), "default_init cannot be chrono"),
    "init that does nothing": (*with_attribute("initializers = {'odd': Initializer(lambda layer, context: None)}"), "init odd"),
    "dtype": (MODEL, "(x)[0]", "(x)[0].double()", "keep the dtype"),
    "never set": (*with_statement("self.w = nn.Parameter(torch.empty(2))"), "w has no values"),
    "lazy": (*with_statement("self.late = nn.LazyLinear(3)", MODEL), "no lazy module"),
    "numpy's randomness": (*with_statement("self.w = nn.Parameter(torch.tensor(numpy.random.rand(2)))"), "differently"),
    "useless parameter": (*with_statement("self.w = nn.Parameter(torch.ones(2))"), "no gradient reaches w"),
    "not saved": (LEAKY, "= rate\n", "= torch.rand(hidden_size)\n", "keep tensors as parameters"),
    "grows with use": (MODEL, "return self", "self.late = nn.Parameter(x[0].detach()); return self", "parameters change with use"),
    "noise while measured": (MODEL, "(x)[0]", "(nn.functional.dropout(x, 0.5))[0]", "only while self.training"),
    "foreign noise": (MODEL, "(x)[0]", "(x + random.random() * self.training)[0]", "draw noise with torch"),
    "remembers calls": (MODEL, "return", "self.n = getattr(self, 'n', 0) + 1; return self.n *", "one call"),
    "remembers the length of the last sequence": (
        *with_method(
            "states(self, x, first=0)",
            "n, self.n = getattr(self, 'n', 0), len(x); return super().states(x, first) * (1 + n // 20)",
        ),
        "one call",
    ),
    "draws a mask every third call of training": (
        *with_method(
            "start(self, n)", "self.k = getattr(self, 'k', 0) + self.training; return (super().start(n)[0] + self.k // 3,)"
        ),
        "outputs in training differ for the same seed: keep no state between calls",
    ),
    "own way through": (
        *with_method("states(self, inputs, first=0)", "return super().states(inputs, first) * 2"),
        "not one step after",
    ),
    "start in float32": (
        *with_method("start(self, n)", "return (torch.zeros(n, self.hidden_size),)"),
        "fails in float64",
    ),
    "first": (
        *with_method("states(self, inputs, first=0)", "return self.sequence(self.vectors(inputs[first:]))", MODEL),
        "drop the first",
    ),
    "raises": (LEAKY, "(h,) = state", "(h,) = stat", "line 17: NameError: name 'stat' is not defined"),
    "option without a type": (LEAKY, "rate: float", "rate", "option rate needs a type"),
    "reads ahead in long sequences": (MODEL, "self.inner(x)", "self.inner(x + x[30:31].sum(0))", "in a sequence of 64 steps"),
    "convolution with padding on both sides": (
        MODEL.replace(
            "        self.inner", "        self.conv = nn.Conv1d(input_size, input_size, 3, padding=1)\n        self.inner"
        ),
        "self.inner(x)",
        "self.inner(self.conv(x.permute(1, 2, 0)).permute(2, 0, 1))",
        "an output depends on a later input",
    ),
    "knows the length": (MODEL, "self.inner(x)", "self.inner(x * len(x))", "inputs after them or on their number"),
    "statistics over time in training": (
        MODEL.replace("        self.inner", "        self.norm = nn.BatchNorm1d(input_size)\n        self.inner"),
        "self.inner(x)",
        "self.inner(self.norm(x.permute(1, 2, 0)).permute(2, 0, 1))",
        "in training, an output depends on a later input",
    ),
    "wrong backward": (
        *with_method("states(self, inputs, first=0)", "out = super().states(inputs, first); return 2 * out - out.detach()"),
        "states and step have different gradients with respect to",
    ),
    "mask outside the checkpoint": (
        LEAKY,
        "(h,) = state",
        "h = state[0] * (self.__dict__.setdefault('mask', float(torch.rand(()))) if self.training else 1)",
        "interrupted and resumed differs from an unbroken one",
    ),
    "forgotten part of the state": (
        LEAKY,
        "(h,) = state",
        "h, c = state",
        "step receives a state of 1 part (h); name every part in state_names",
    ),
}


@pytest.mark.parametrize("bad", BAD_CELLS, ids=str)
def test_a_broken_cell_has_one_finding(bad: str, tmp_path: Path) -> None:
    text, old, new, message = BAD_CELLS[bad]
    assert old in text
    path = tmp_path / "cell.py"
    path.write_text(HEAD + text.replace(old, new, 1) + f"\n\nCELL = {'Leaky' if 'Leaky' in text else 'Model'}\n")
    found = [finding.message for finding in cell_findings(str(path)) if finding.fails]
    assert len(found) == 1, found
    assert message in found[0]
    with pytest.raises(BrokenContractError, match=r"cell\.py: "):
        check_cell(str(path))


@pytest.mark.parametrize("text", [LEAKY, MODEL], ids=["cell", "model"])
def test_the_unbroken_cells_have_no_finding(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cell.py"
    path.write_text(HEAD + text + f"\n\nCELL = {'Leaky' if 'Leaky' in text else 'Model'}\n")
    check_cell(str(path))


DOUBLED = """
class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


"""
HONEST = {  # the last text is part of a note
    "frozen": (
        LEAKY,
        "self.stacked_weights(1, ())",
        "self.stacked_weights(1, ()); self.weight_hh.requires_grad_(False)",
        "compiled",
    ),
    "chaotic": (LEAKY, "h @ self.weight_hh.T", "h @ (9 * self.weight_hh.T)", "compiled"),
    "a learned initial state": (*with_statement("self.parameter('initial_h', hidden_size)"), "compiled"),
    "batch norm at each step": (
        LEAKY.replace("(1, ())", "(1, ()); self.norm = nn.BatchNorm1d(hidden_size)"),
        "new = torch.tanh(",
        "new = torch.tanh(self.norm(h) + ",
        "in training, an output depends on the other sequences of its batch",
    ),
    "a custom function": (
        LEAKY.replace("class Leaky", DOUBLED + "class Leaky"),
        "torch.tanh(",
        "torch.tanh(Doubled.apply(h) + ",
        "the custom autograd.Function Doubled is not compiled",
    ),
    "a gradient that is cut": (*with_attribute("cuts_gradient = True"), "compiled"),
    "a compiled step": (
        LEAKY.replace("(1, ())", "(1, ()); self.mix = torch.compile(lambda a, b: torch.tanh(a + b), backend='aot_eager')"),
        "torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T)",
        "self.mix(x @ self.weight_ih.T, h @ self.weight_hh.T)",
        "",
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch.compile
@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.slow] * ("compiled" in case)) for case in HONEST])
def test_an_honest_cell_keeps_its_contract(case: str, tmp_path: Path) -> None:
    text, old, new, note = HONEST[case]
    assert old in text
    path = tmp_path / "cell.py"
    cut = "new.detach(),)" if "cut" in case else "(1 - self.rate) * h + self.rate * new,)"
    path.write_text(HEAD + text.replace(old, new, 1).replace("(1 - self.rate) * h + self.rate * new,)", cut) + "\n\nCELL = Leaky\n")
    found = cell_findings(str(path), hidden_size=64)
    assert not [finding for finding in found if finding.fails]
    assert any(note in finding.message for finding in found)


COPY = (ROOT / "tasks" / "copy_memory.py").read_text(encoding="utf-8").replace('= "copy"', '= "mine"')
ADDING = (ROOT / "tasks" / "adding.py").read_text(encoding="utf-8").replace('= "adding"', '= "mine"')
TARGETS = "        targets[-S:] = symbols\n"
CHANCE = "        return uniform_chance(self.alphabet)\n"
BAD_TASKS = {
    "leak": (COPY, TARGETS, TARGETS + "        inputs[S + gap] = symbols[2]\n", "the last 6 inputs give 100 % of the answers"),
    "leak of a function of two": (
        COPY,
        TARGETS,
        TARGETS + "        inputs[S + gap] = random_tokens(0, 8, (batch_size,), generator)\n"
        "        inputs[S + gap + 1] = (symbols[2] + 4 * (inputs[S + gap] > 3)) % 8\n",
        "they must not",
    ),
    "input_size": (COPY, "alphabet + 2 ", "alphabet + 1 ", "tokens run from 0 to 9 at gap 1, but input_size is 9"),
    "output_size": (COPY, "return self.alphabet\n", "return 7\n", "answers run"),
    "chance too high": (COPY, CHANCE, "        return Chance(1.5 / 8, uniform_chance(8).loss)\n", "chance is 18.8 % at gap 6"),
    "chance too low": (COPY, CHANCE, "        return Chance(0.5 / 8, uniform_chance(8).loss)\n", "chance is 6.2 % at gap 6"),
    "chance's loss": (COPY, CHANCE, "        return Chance(1 / 8, 1.0)\n", "chance has loss 1.000"),
    "name": (COPY, '"mine"', '"recall"', "taken by the built-in recall.py"),
    "no randomness": (COPY, "batch_size), generator", "batch_size), Generator().manual_seed(1)", "set no seed"),
    "the process' randomness": (COPY, "batch_size), generator", "batch_size), None", "generator must be of type Generator"),
    "length": (COPY, "torch.full((self.length(gap),", "torch.full((self.length(gap) + 1,", "inputs are"),
    "count": (COPY, "return self.symbols\n", "return self.symbols + 1\n", "scored_answers(1) is 11"),
    "gaps": (COPY, "= (10, 20, 50", "= (0, 20, 50", "default_gaps"),
    "dtype": (COPY, "return Batch(inputs,", "return Batch(inputs.int(),", "int64 tokens"),
    "words": (COPY, "words(batch, b,", "words(batch._replace(scored=~batch.scored), b,", "answers belong to the scored steps"),
    "raises": (COPY, "blank, cue, S =", "blank, cue =", "ValueError: too many values to unpack"),
    "values: chance too high": (ADDING, "accuracy=(", "accuracy=0.04 + (", "chance is 11.9 % at gap 6"),
    "values: channels": (ADDING, "[int] = 2", "[int] = 3", "inputs are (2, 1, 2)"),
}


@pytest.mark.parametrize("bad", BAD_TASKS, ids=str)
def test_a_broken_task_has_one_finding(bad: str, tmp_path: Path) -> None:
    text, old, new, message = BAD_TASKS[bad]
    assert old in text
    path = tmp_path / "task.py"
    path.write_text(text.replace(old, new, 1))
    found = [finding.message for finding in task_findings(str(path)) if finding.fails]
    assert len(found) == 1, found
    assert message in found[0]
    with pytest.raises(BrokenContractError, match=r"task\.py: "):
        check_task(str(path))
