"""The files of a study, and how they are read and written.

atomic.py      writes that leave the old or the new content after a crash, never half of either
record.py      a row of a CSV file, typed
schema.py      the tables of a study: every column once, with its meaning and role
insight_tables.py  the tables of the analysis commands: gradients, gates, constructions, guesses
migrations.py  from every older schema to this one
table.py       a CSV file of typed rows, the only code that reads and writes CSV
study.py       the folder: its tables, logs, checkpoints and weights
"""

from rnnbench._study.record import Record
from rnnbench._study.schema import SCHEMA, Extrapolation, Failure, Row, RunRecord, Tuned
from rnnbench._study.study import Redo, StudyFolder
from rnnbench._study.table import Table

__all__ = ["SCHEMA", "Extrapolation", "Failure", "Record", "Redo", "Row", "RunRecord", "StudyFolder", "Table", "Tuned"]
