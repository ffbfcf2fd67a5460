"""Plug-ins: finding tasks and cells, identifying them and sending them to other processes.

registry.py  built-in, by path, by entry point, or a class from Python
options.py   the typed options of a task or cell
files.py     the data files that a plug-in declares
csv_files.py labelled sequences from a CSV file
source.py    the identity of a plug-in: the digest of its source
pickling.py  a class as bytes
"""
