"""Printed results of the analysis commands: data frames of :mod:`rnnbench.insight` as lines of text."""

from __future__ import annotations

import statistics

import pandas as pd

from rnnbench._analysis.statistics import share_interval
from rnnbench._cli.terminal.formatting import number, percent
from rnnbench.insight import Gates
from rnnbench.insight._sensitivity import growth_exponents
from rnnbench.insight._trade_off import trade_off

TRADE_OFF = (1.25, 2.0, 3.0)
"""Recurrent weights in the printed trade-off."""


def gradient_lines(numbers: pd.DataFrame) -> str:
    """Return the numbers of :func:`rnnbench.insight.measure_gradients`, one line per network."""
    lines = [f"{'cell':>12} {'when':>8} {'decay/step':>11} {'sigma_max':>10} {'radius':>7} {'half-life':>10} {'at gap':>9}"]
    lines += [
        f"{row['cell']:>12} {row['when']:>8} {number(row['decay_per_step'], '11.4f')} {number(row['sigma_max'], '10.3f')} "
        f"{number(row['spectral_radius'], '7.3f')} {number(row['median_half_life'], '10.1f')} {row['at_gap']:9.1e}"
        for row in numbers.to_dict("records")
    ]
    return "\n".join(lines)


def sensitivity_lines(frame: pd.DataFrame) -> str:
    """Return the medians of :func:`rnnbench.insight.measure_sensitivity` over seeds, and their growth with the gap."""
    lines = [f"{'cell':>12} {'gap':>6} {'d out/d parameters':>19} {'d out/d state':>14}"]
    if "when" in frame:
        frame = frame.assign(cell=frame["cell"] + ", " + frame["when"])
    middle = frame.groupby(["cell", "gap"], sort=False)[["sensitivity", "through_time"]].median()
    lines += [
        f"{c:>12} {g:>6} {number(s, '19.3g')} {number(t, '14.2g')}"
        for (c, g), (s, t) in zip(middle.index, middle.to_numpy(), strict=True)
    ]
    for row in growth_exponents(frame).to_dict("records"):
        if row["exponent"] == row["exponent"]:  # NaN if there is only one gap
            verb = "grows" if row["exponent"] >= 0 else "falls"
            lines.append(
                f"{row['cell']} ({row['init']}): sensitivity {verb} like gap to the power of {number(row['exponent'], '0.2f')}"
            )
    return "\n".join(lines)


def remembrance_lines(frame: pd.DataFrame) -> list[str]:
    """Return one line per run: the answers that change when the first inputs are replaced, at five numbers of inputs."""
    lines = []
    for run_id, rows in frame.groupby("run_id", sort=False):
        shown = rows.iloc[[round(k * (len(rows) - 1) / 4) for k in range(5)]].drop_duplicates("replaced")
        shares = [f"first {t:,}: {percent(share)}" for t, share in zip(shown["replaced"], shown["changed"], strict=True)]
        lines.append(f"{run_id}: answers that change if inputs are replaced, {', '.join(shares)}")
    return lines


def position_lines(frame: pd.DataFrame) -> list[str]:
    """Return one line per run and gap of :func:`rnnbench.insight.measure_positions`: the accuracy at each position."""
    return [
        f"{run_id}, gap {gap:,}: accuracy by position {' '.join(f'{100 * share:.0f}' for share in rows['accuracy'])} %, "
        f"chance {percent(rows['chance_accuracy'].iloc[0])}"
        for (run_id, gap), rows in frame.groupby(["run_id", "eval_gap"], sort=False)
    ]


def gate_lines(gates: Gates) -> str:
    """Return the means of the gates, and the half-lives."""
    lines = [
        f"{quantity:>24}: mean {mean.mean():6.3f}, from {mean.min():6.3f} to {mean.max():6.3f}"
        for quantity, mean in gates.means.groupby("quantity", sort=False)["mean"]
    ]
    for when, steps in gates.half_lives.groupby("when")["half_life"]:
        low, median, high = (steps.quantile(share) for share in (0.1, 0.5, 0.9))
        lines.append(f"{when:>24}: half-life {median:,.1f} steps (median), middle 80 % of units {low:,.1f} to {high:,.1f}")
    if gates.half_lives.empty:
        lines.append("no half-lives: this cell has no gate that keeps its state")
    return "\n".join(lines)


def construction_lines(frame: pd.DataFrame) -> str:
    """Return accuracies by gap and by noise, the gradient, and Bengio's trade-off on one unit."""
    gaps, noises = sorted(set(frame["gap"])), sorted(set(frame["noise"]))
    far = gaps[-1]
    lines = ["", f"Right answers in %: by gap, and with noise (standard deviation) at gap {far}"]
    headings = [f" gap {gap}" for gap in gaps] + [f"{f'±{sd:g}':>7}" for sd in noises[1:]]
    lines.append(f"{'construction':12}{'units':>6}{''.join(headings)}{'gradient':>9}")
    for name, rows in frame.groupby("name", sort=False):
        noiseless = rows[rows["noise"] == noises[0]]
        shares = [*noiseless["accuracy"], *rows[rows["gap"] == far]["accuracy"][1:]]
        cells = "".join(f"{100 * share:{len(heading)}.1f}" for share, heading in zip(shares, headings, strict=True))
        lines.append(f"{name:12}{rows['units'].iloc[0]:6}{cells}{noiseless['gradient'].iloc[-1]:9.2g}")
    lines += [f"gradient: norm of d (last output due) / d (state after the first input), gap {far}", ""]
    lines.append("One unit a = w tanh(a) + h: robust against noise means no gradient (Bengio 1994)")
    lines.append(f"{'w':>5} {'attractor':>10} {'no |h| below flips it':>22} {'gradient per step':>18} {'over 20 steps':>14}")
    lines += [
        f"{unit['w']:5g} {unit['x']:10.3f} {unit['threshold']:22.3f} {unit['slope']:18.3f} {unit['slope'] ** 20:14.0e}"
        for unit in map(trade_off, TRADE_OFF)
    ]
    return "\n".join(lines)


def train_lines(frame: pd.DataFrame) -> str:
    """Return how often training solved the task from perturbed constructions."""
    return "\n".join(
        f"{name:>12}, perturbed by {share:<5g} {percent(runs['start_accuracy'].median()):>7} before, "
        f"{percent(runs['accuracy'].median()):>7} after training; solved {sum(runs['status'] == 'solved')} of {len(runs)}"
        for (name, share), runs in frame.groupby(["name", "amount"], sort=False)
    )


def guess_lines(frame: pd.DataFrame) -> list[str]:
    """Return the number of guesses needed, one line per task and cell."""
    lines = []
    for (task, cell), rows in frame.groupby(["task", "cell"], sort=False):
        hits, misses = rows[rows["solved"].astype(bool)], rows[~rows["solved"].astype(bool)]
        low, high = share_interval(len(hits), len(rows))
        line = f"{cell} on {task}, gap {rows['gap'].iloc[0]}, {rows['hidden_size'].iloc[0]} units: "
        line += f"solved in {len(hits)} of {len(rows)} repeats (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"
        if len(hits):
            counts = hits["guesses"].tolist()
            line += f", after {statistics.median(counts):,.0f} guesses (median; {min(counts):,} to {max(counts):,})"
        if len(misses):
            best, chance = percent(misses["accuracy"].max()), percent(misses["chance_accuracy"].iloc[0])
            line += f"; {len(misses)} stopped at {misses['max_guesses'].iloc[0]:,}, best {best}, chance {chance}"
        lines.append(line)
    return lines
