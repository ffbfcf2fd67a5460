"""Many runs in one study: the grid, what is left of it, and the workers that do it, here or on many machines.

    files.py     flags and a TOML file -> SweepConfig
    grid.py      SweepConfig -> the runs; or the runs of a search for the span
    agenda.py    which run is next: done ones are skipped, failed ones noted, every end is written down
    local.py     workers of this machine, one process per run
    warm.py      what they load before they are forked
    dask.py      workers of many machines
    leg.py       what one of them does
    failures.py  why a run failed, in failed.csv
    states.py    what is done, running, interrupted, failed, to do
    cost.py      how long it will take

Both kinds of workers yield the same events, so one screen shows them both. Nothing here prints.
"""
