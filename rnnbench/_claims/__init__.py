"""Claims about recurrent networks, each with its source, the runs that it needs, and the rule that decides it.

    claim.py           the classes: a claim or finding, its runs and its verdict; recorded verdicts
    evidence.py        groups of runs that answer one question (cell, task, gap)
    training.py        claims about gradient descent on a vanilla RNN
    gates.py           claims about gated cells
    initialisation.py  claims about initialisations
    baselines.py       claims about what works without learning, or without memory
    findings.py        findings: predictions of this project, committed before the runs that decide them

A **claim** is a sentence of the literature. It is never reworded to fit the data, and a refuted claim stays in the list. A
**finding** is a prediction of this project. It counts only if its commit is older than the commit of its runs.
"""

from rnnbench._claims.baselines import BASELINE_CLAIMS
from rnnbench._claims.claim import Claim, Verdict, decide
from rnnbench._claims.findings import FINDINGS
from rnnbench._claims.gates import GATE_CLAIMS
from rnnbench._claims.initialisation import INITIALISATION_CLAIMS
from rnnbench._claims.training import TRAINING_CLAIMS

CLAIMS: tuple[Claim, ...] = (*BASELINE_CLAIMS, *TRAINING_CLAIMS, *GATE_CLAIMS, *INITIALISATION_CLAIMS)
"""Claims of the literature."""

__all__ = ["CLAIMS", "FINDINGS", "Claim", "Verdict", "decide"]
