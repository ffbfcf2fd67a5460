"""Code that commands share: flags, progress displays, printed text and saved files."""
