"""Claims and findings as ``rnnbench verify`` prints them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rnnbench._claims import CLAIMS, FINDINGS, Claim
from rnnbench._claims.claim import Finding, Verdict
from rnnbench._cli.terminal.flags import name_list
from rnnbench._cli.terminal.formatting import print_wrapped
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


def print_verdicts(verdicts: Sequence[Verdict], before: Mapping[str, str], details: bool) -> None:
    """Print how many claims and findings got each verdict, then each of them, with ``details`` its runs and numbers.

    A verdict that differs from the recorded one has the latter below it, and one that is undecided what is missing.
    """
    findings = [verdict for verdict in verdicts if isinstance(verdict.claim, Finding)]
    claims = [verdict for verdict in verdicts if not isinstance(verdict.claim, Finding)]
    for title, group in (("claims of the literature", claims), ("predictions of this project", findings)):
        if group:
            counts = Counter(verdict.decision for verdict in group)
            print_wrapped(f"{len(group)} {title}: {', '.join(f'{count} {name}' for name, count in counts.most_common())}")
    for verdict in (*claims, *findings):
        one, was = verdict.claim, before.get(verdict.claim.name, verdict.decision)
        print_wrapped(f"{verdict.decision}: {one.statement} ({one.name})")
        if details or verdict.ruling is None:
            print_wrapped(verdict.numbers, 4, 0)
        if was != verdict.decision:
            print_wrapped(f"recorded: {was}", 4, 0)
        if isinstance(one, Finding) and details:
            print_wrapped(one.registration, 4, 0)
    if not details:
        print_wrapped("--details prints the runs and numbers behind each verdict")
