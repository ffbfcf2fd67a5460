"""Shared by all tests: one torch thread (two test workers share two cores) and a wide terminal, so that no line wraps."""

import os

os.environ.setdefault("COLUMNS", "200")
os.environ.setdefault("OMP_NUM_THREADS", "1")
