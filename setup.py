"""The long description of the package: README.md without pictures, and with paths for the links that only a checkout can follow."""

import re
from pathlib import Path

from setuptools import setup


def long_description(readme: str) -> str:
    """Return the text of README as a package index shows it: a relative link becomes its text and its path, a picture goes."""
    # a line that is only a picture, or only the link to the other language
    text = re.sub(r"^!?\[[^]]*\]\((?!https?:)[^)]*\)\n+", "", readme, flags=re.MULTILINE)
    text = re.sub(r"\[([^]]+)\]\((?!https?:)([^)#]+)[^)]*\)", r"\1 (`\2`)", text)
    return f"{text}\nPaths are those of the source distribution.\n"


if __name__ == "__main__":
    setup(
        long_description=long_description((Path(__file__).parent / "README.md").read_text(encoding="utf-8")),
        long_description_content_type="text/markdown",
    )
