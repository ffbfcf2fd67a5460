"""rnnbench: how far back can a recurrent network remember, and why not further?

Importing the package is cheap on purpose (no torch): ``rnnbench --help`` must answer at once.
"""

__version__ = "0.1.0"
