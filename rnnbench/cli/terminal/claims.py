"""Claims, as ``rnnbench verify`` prints them."""

from __future__ import annotations

from collections.abc import Sequence

from rnnbench.catalog import did_you_mean
from rnnbench.claims import CLAIMS
from rnnbench.cli.terminal.words import say
from rnnbench.errors import UserError
from rnnbench.verify import Claim, Verdict


def chosen(names: list[str] | None, quick: bool) -> list[Claim]:
    """The claims of these names, or all; raises UserError for a name that is none."""
    known = {claim.name: claim for claim in CLAIMS}
    for wanted in names or ():
        if wanted not in known:
            raise UserError(f"unknown claim {wanted!r}{did_you_mean(wanted, known)}")
        if not known[wanted].runs(quick):
            raise UserError(f"claim {wanted!r} has no quick set of runs: leave out --quick")
    return [known[wanted] for wanted in names] if names else [claim for claim in CLAIMS if claim.runs(quick)]


def say_claims(claims: Sequence[Claim], quick: bool) -> None:
    """Each claim, its source and how many runs it needs."""
    for claim in claims:
        say(f"{claim.name}: {claim.statement}")
        say(f"{len(claim.runs(quick))} runs; {claim.source}", 4, 0)


def say_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Each claim and how it stands."""
    for claim, ruling, missing in verdicts:
        word = "undecided" if ruling is None else "holds" if ruling.holds else "FALSE"
        say(f"{word:>9}  {claim.name}: {claim.statement}", 0, 11)
        say(f"{len(missing)} runs are missing" if ruling is None else ruling.numbers, 11, 0)
