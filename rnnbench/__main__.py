"""``python -m rnnbench`` is the same as ``rnnbench``."""

from rnnbench.start import main

if __name__ == "__main__":
    main()
