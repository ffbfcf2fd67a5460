"""Analysis of finished runs: summaries, intervals, comparisons and published numbers. Never imports torch.

statistics.py     intervals and tests
summary.py        runs -> curves -> one row per curve and gap
scores.py         one number for how much a curve remembers
declared.py       what a task declares: baselines, lengths
axes.py           the gap, the length or an option as the axis
studies.py        the same runs in two studies
comparison.py     two cells on the same seeds
tables.py         a summary as text
published.py      numbers from papers
reproductions.py  published numbers, rerun on their own protocols
"""
