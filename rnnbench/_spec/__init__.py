"""From a request to a run: validation and defaults.

request.py  Python values -> RunRequest
resolve.py  RunRequest -> Run
width.py    the width that a parameter budget allows
"""
