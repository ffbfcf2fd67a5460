"""One file per command: flags in, the Python interface does the work, a few lines out. No command imports another."""
