"""Sweeps: many runs in one study, trained by workers on this machine or on a Dask cluster.

    sweep_file.py  flags and a TOML file -> SweepRequest
    grid.py        SweepRequest -> its runs; the search for the span
    run_queue.py   the queue of runs, and the events of a sweep
    launch.py      SweepRequest -> its workers
    workers.py     the loop that all workers share
    local.py       workers on this machine, one process per run
    preload.py     imports of the process that they are forked from
    dask.py        workers on a Dask cluster
    dask_task.py   the function that a Dask worker runs
    tuning.py      pilot runs -> the chosen recipes
    recipes.py     the table of chosen recipes
    status.py      which runs are done, running, interrupted, failed or to do
    cost.py        estimate of a sweep's time

Both kinds of workers yield the same events. Nothing here prints.
"""
