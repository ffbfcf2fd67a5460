"""The check of what is in a wheel and a source distribution: python contents.py CHECKOUT WHEEL SDIST."""

import re
import subprocess
import sys
import tarfile
import zipfile

OMITTED = re.compile(r"results/.*/logs/.*|results/.*\.svg|\.gitignore|\.pre-commit-config\.yaml")
"""Files of the checkout that the source distribution leaves out."""
GENERATED = re.compile(r"PKG-INFO|setup\.cfg|rnnbench\.egg-info/.*")


def report(archive: str, expected: set[str], found: set[str]) -> bool:
    """Print the differences of two sets of files; return True if there are none."""
    for title, names in (("lacks", expected - found), ("has, against MANIFEST.in or pyproject.toml,", found - expected)):
        for name in sorted(names):
            print(f"{archive} {title} {name}", file=sys.stderr)
    return expected == found


def main(checkout: str, wheel: str, sdist: str) -> int:
    """Compare both archives with the files that git tracks."""
    tracked = set(subprocess.check_output(["git", "-C", checkout, "ls-files"], text=True).splitlines())
    package = {f"rnnbench/{name}" if name.startswith("tasks/") else name for name in tracked if re.match("rnnbench/|tasks/", name)}
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    with tarfile.open(sdist) as archive:
        members = [member.name.partition("/")[2] for member in archive if member.isfile()]
    in_sdist = {name for name in members if not GENERATED.fullmatch(name)}
    good = report("wheel", package, in_wheel)
    [metadata] = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("/METADATA")]
    if links := re.findall(r"\]\((?!https?:)[^)]*\)", zipfile.ZipFile(wheel).read(metadata).decode()):
        print(f"the description of the package has links that a package index cannot follow: {links}", file=sys.stderr)
        good = False
    return 0 if report("sdist", {name for name in tracked if not OMITTED.fullmatch(name)}, in_sdist) and good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
