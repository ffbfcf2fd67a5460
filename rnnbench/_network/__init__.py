"""The parts of a network around its cell: initialisation and stacking.

initializers.py  the named initialisations
stack.py         several layers of one cell
"""
