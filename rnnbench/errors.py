"""Errors that a user can mend: the command line prints them as one line and exits with 2."""


class UserError(Exception):
    """Bad input. The message is one sentence that says what would be right."""


class StorageError(Exception):
    """The disk did not take a file; the command line exits with 1."""
