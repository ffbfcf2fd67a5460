"""What runs leave behind, and how it is read again.

files.py       content that a crash leaves whole
schema.py      every column, once: its name, type and meaning
migrations.py  from every older schema to this one
table.py       a CSV file of typed rows
study.py       the folder: its tables, logs, checkpoints and weights
"""

from rnnbench._study.schema import SCHEMA, Extrapolation, Failure, Row, RunRecord
from rnnbench._study.study import Redo, Study
from rnnbench._study.table import Table

__all__ = ["SCHEMA", "Extrapolation", "Failure", "Redo", "Row", "RunRecord", "Study", "Table"]
