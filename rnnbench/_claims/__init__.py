"""What is said about recurrent networks, held against runs. Each sentence stands beside its source, its runs and its rule.

    claim.py        a sentence, the runs that it needs, and what a study makes of it
    evidence.py     from the rows of a study to what is shown for one cell, task and gap
    training.py      claims: what gradient descent on a vanilla RNN can and cannot do
    gates.py        claims: what gated cells do
    initialisation.py       claims: what an initialisation does
    baselines.py    claims: what needs no learning, or no memory
    findings.py     findings: our own sentences, committed before the runs that decide them
    preregistration.py      which commit wrote a finding, which one its runs
    recorded.py     the verdicts of a study, written down

A **claim** is a sentence of the field and is never reworded to fit; one that is refuted stays. A **finding** is a sentence of ours,
and counts only if it is older than its runs.
"""

from rnnbench._claims import baselines, gates, initialisation, training
from rnnbench._claims.claim import Claim, Verdict, verify
from rnnbench._claims.findings import FINDINGS

CLAIMS: tuple[Claim, ...] = (*baselines.CLAIMS, *training.CLAIMS, *gates.CLAIMS, *initialisation.CLAIMS)
"""The field's sentences."""

__all__ = ["CLAIMS", "FINDINGS", "Claim", "Verdict", "verify"]
