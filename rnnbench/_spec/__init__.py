"""The step from a request to a run: validation and defaults.

arguments.py  the check of the arguments of public functions
request.py    Python values -> RunRequest
instances.py  the comparison of an instance with a new one
rates.py      the default learning rate of a cell on a task
resolve.py    RunRequest -> Resolved, a run with its task and its cell
gaps.py       several gaps as text
width.py      the width of a network with a budget of parameters
"""
