"""What surrounds a cell in a network: initialisation and stacking.

initializers.py  the named initialisations
stack.py         several layers of one cell
"""
