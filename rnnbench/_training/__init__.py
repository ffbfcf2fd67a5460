"""Training one network.

model.py          the network: cell and readout
evaluate.py       accuracy and loss on fresh sequences
optimizers.py     optimisers and learning rate schedules
trainer.py        the training loop
runner.py         one run inside a study: resume, record, save weights
process_state.py  threads, denormals and random state during a run
interrupt.py      stopping between two steps on Ctrl-C or SIGTERM
"""
