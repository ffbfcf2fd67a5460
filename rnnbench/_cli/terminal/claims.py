"""Claims and findings, as ``rnnbench verify`` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import typer

from rnnbench._claims import CLAIMS, FINDINGS, Claim
from rnnbench._claims.claim import Finding, Verdict
from rnnbench._cli.terminal.formatting import say
from rnnbench._errors import UserError, did_you_mean


def chosen(names: str | None, quick: bool) -> list[Claim]:
    """The claims and findings asked for; raises UserError for one that is unknown, or that has no quick set of runs."""
    known: dict[str, Claim] = {one.name: one for one in (*CLAIMS, *FINDINGS)}
    if names is None:
        return [one for one in known.values() if one.quick or not quick]
    found = []
    for name in (word.strip() for word in names.split(",")):
        if name not in known:
            raise UserError(f"unknown claim {name!r}{did_you_mean(name, known)}")
        if quick and not known[name].quick:
            raise UserError(f"claim {name!r} has no quick set of runs: leave out --quick")
        found.append(known[name])
    return found


def say_claims(claims: Sequence[Claim], quick: bool) -> None:
    """Each claim, its source and what it needs."""
    for one in claims:
        say(f"{one.name}: {one.statement}")
        say(f"{len(one.runs(quick))} runs; {one.source}" if not one.table else f"`{one.command}`; {one.source}", 4, 0)


def say_verdicts(verdicts: Sequence[Verdict], before: Mapping[str, str], quick: bool) -> None:
    """Print each claim and its verdict."""
    for verdict in verdicts:
        one, was = verdict.claim, before.get(verdict.claim.name, verdict.decision)
        if one in FINDINGS[:1]:
            typer.echo("\nfindings: our own sentences, decided by seeds that were run after them\n")
        say(f"{verdict.decision:>9}  {one.name}: {one.statement}", 0, 11)
        say(verdict.numbers, 11, 0)
        if was != verdict.decision:
            say(f"recorded: {was}", 11, 0)
        if isinstance(one, Finding) and not quick:
            say(one.registration, 11, 0)
