"""Tasks and cells: how they are found, identified and sent to other processes.

registry.py  built-in, by path, by entry point, or a class from Python
options.py   the typed options of a task or cell
source.py    the source digest of a plug-in
pickling.py  a class as bytes
"""
