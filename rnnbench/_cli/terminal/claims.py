"""Claims and findings as ``rnnbench verify`` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnbench._claims import CLAIMS, FINDINGS, Claim
from rnnbench._claims.claim import Finding, Verdict
from rnnbench._cli.terminal.flags import name_list
from rnnbench._cli.terminal.formatting import echo, print_wrapped
from rnnbench._errors import UserError, did_you_mean


def select_claims(names: str | None, quick: bool) -> list[Claim]:
    """Return the named claims and findings (None: all); raise UserError for a name that is unknown or has no quick runs."""
    known: dict[str, Claim] = {one.name: one for one in (*CLAIMS, *FINDINGS)}
    if names is None:
        return [one for one in known.values() if one.quick or not quick]
    selected = []
    for name in name_list("--claim", names):
        if name not in known:
            raise UserError(f"unknown claim {name!r}{did_you_mean(name, known)}")
        if quick and not known[name].quick:
            raise UserError(f"claim {name!r} has no quick set of runs: leave out --quick")
        selected.append(known[name])
    return selected


def print_claims(claims: Sequence[Claim], quick: bool) -> None:
    """Print each claim with its source and the number of runs it needs."""
    for one in claims:
        print_wrapped(f"{one.name}: {one.statement}")
        print_wrapped(f"{len(one.runs(quick))} runs; {one.source}" if not one.table else f"`{one.command}`; {one.source}", 4, 0)


def print_verdicts(verdicts: Sequence[Verdict], before: Mapping[str, str], quick: bool) -> None:
    """Print each claim and its verdict."""
    for verdict in verdicts:
        one, was = verdict.claim, before.get(verdict.claim.name, verdict.decision)
        if one in FINDINGS[:1]:
            echo("\nfindings: our own predictions, decided by seeds that ran after them\n")
        print_wrapped(f"{verdict.decision:>9}  {one.name}: {one.statement}", 0, 11)
        print_wrapped(verdict.numbers, 11, 0)
        if was != verdict.decision:
            print_wrapped(f"recorded: {was}", 11, 0)
        if isinstance(one, Finding) and not quick:
            print_wrapped(one.registration, 11, 0)
