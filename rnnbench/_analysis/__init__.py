"""Analysis of finished runs: summaries, intervals, comparisons and published numbers. Never imports torch.

statistics.py     intervals and tests
summary.py        runs -> curves -> one row per curve and gap
comparison.py     two cells on the same seeds
tables.py         a summary as text
published.py      numbers from papers
reproductions.py  published numbers, rerun on their own protocols
"""
