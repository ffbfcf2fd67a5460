"""Many runs in one study: the grid, what is left of it, and the workers that do it, here or on many machines.

    sweep_file.py  flags and a TOML file -> SweepRequest
    grid.py        SweepRequest -> the runs, or those of a span search
    run_queue.py   which run is next; every end is recorded
    launch.py      a SweepRequest -> its workers
    local.py       workers on this machine, one process per run
    preload.py     what they import before they are forked
    dask.py        workers on a Dask cluster
    dask_task.py   what one of them does
    tuning.py      pilot runs -> the chosen recipes
    recipes.py     the table of chosen recipes
    failures.py    why a run failed, in failed.csv
    status.py      which runs are done, running, interrupted, failed or to do
    cost.py        how long a sweep will take

Both kinds of workers yield the same events, so one screen shows them both. Nothing here prints.
"""
