"""Tests of the layout: imports never point upward or in a circle, tasks import only torch and rnnbench.task, files are short."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rnnbench"
LEVELS = (
    # from the ground up: a module may import from its own row and the rows above it in this list
    (
        "rnnbench._version",
        "rnnbench._errors",
        "rnnbench._plugins.csv_files",
        "rnnbench._plugins.files",
        "rnnbench._plugins.order_free",
        "rnnbench.task",
        "rnnbench._analysis.statistics",
        "rnnbench._spec.arguments",
    ),
    ("rnnbench._plugins.pickling", "rnnbench._spec.gaps", "rnnbench._spec.width"),
    ("rnnbench._cell", "rnnbench._config", "rnnbench._plugins.source"),
    ("rnnbench._plugins.options", "rnnbench._training.optimizers"),
    ("rnnbench.cells", "rnnbench._engine", "rnnbench._network", "rnnbench._training.process_state"),
    ("rnnbench._plugins", "rnnbench._study"),
    ("rnnbench._analysis",),
    ("rnnbench._spec",),
    ("rnnbench._training.model", "rnnbench._training.evaluate", "rnnbench._training.trainer"),
    ("rnnbench.testing",),
    ("rnnbench._training",),
    ("rnnbench._sweep", "rnnbench.insight", "rnnbench.plots"),
    ("rnnbench._claims",),
    ("rnnbench._report", "rnnbench._explain", "rnnbench._api", "rnnbench._results"),
    ("rnnbench",),
    ("rnnbench._cli", "rnnbench.__main__"),
)


def imports(path: Path, for_type_checkers: bool = False) -> set[str]:
    """Return every module that a file imports, inside functions too; those under TYPE_CHECKING only if asked for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not for_type_checkers
        for child in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & NAMES
    return found


def level(module: str) -> int:
    best = max((name for row in LEVELS for name in row if f"{module}.".startswith(f"{name}.")), key=len)
    return next(k for k, row in enumerate(LEVELS) if best in row)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = {module_name(path) for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_never_point_upward(path: Path) -> None:
    name = module_name(path)
    for imported in imports(path) & NAMES - {"rnnbench"}:
        assert level(imported) <= level(name), f"{name} imports {imported}"


def test_the_package_itself_is_imported_only_from_above() -> None:
    """Check `from rnnbench import Study`, which imports the API; `from rnnbench import _engine` imports a room."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "rnnbench":
                taken = {alias.name for alias in node.names if f"rnnbench.{alias.name}" not in NAMES}
                assert not taken or level(module_name(path)) >= level("rnnbench"), f"{path} imports {taken} from rnnbench"
            elif isinstance(node, ast.Import) and "rnnbench" in {alias.name for alias in node.names}:
                assert level(module_name(path)) >= level("rnnbench"), f"{path} imports rnnbench"


def test_files_do_not_import_each_other_in_a_circle() -> None:
    arrows = {}
    for path in MODULES:
        name = module_name(path)
        arrows[name] = {one for one in imports(path, for_type_checkers=True) & NAMES if not f"{name}.".startswith(f"{one}.")}
        if path.stem == "__init__":  # a package and its parts do not count as a circle
            arrows[name] = {one for one in arrows[name] if not one.startswith(f"{name}.")}
    TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle


def test_the_package_has_at_most_thirty_rooms() -> None:
    folders = {path.parent for path in [*MODULES, *(ROOT / "tasks").glob("*.py"), *(ROOT / "results").rglob("*.py")]}
    loose = [path for path in MODULES if path.parent == PACKAGE]
    assert len(folders - {PACKAGE}) + len(loose) <= 30


@pytest.mark.parametrize("path", [*MODULES, *sorted((ROOT / "tasks").glob("*.py"))], ids=lambda path: path.stem)
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


DATA = {"sklearn.datasets"}
"""Data sets that a task imports when it is used."""


@pytest.mark.parametrize(("folder", "contract"), [(ROOT / "tasks", "rnnbench.task"), (PACKAGE / "cells", "rnnbench.cells")])
def test_files_of_tasks_and_cells_import_only_torch_and_the_contract(folder: Path, contract: str) -> None:
    for path in folder.glob("[!_]*.py"):
        ours = {name for name in imports(path) if name.split(".")[0] not in ("torch", *sys.stdlib_module_names)}
        assert ours - DATA == {contract}, path


@pytest.mark.parametrize("path", [p for p in MODULES if "plots" in p.parts or "_analysis" in p.parts], ids=module_name)
def test_plots_and_stats_never_import_torch(path: Path) -> None:
    assert not any(name.split(".")[0] == "torch" for name in imports(path))


@pytest.mark.parametrize("path", [p for p in MODULES if not {"_cli", "__main__.py"} & set(p.parts)], ids=module_name)
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)}
    assert not calls & {"print", "exit", "sys.exit", "typer.echo"}


def test_no_module_starts_another_program() -> None:
    """Check that no module needs git or a shell, so that reading a study works in a wheel."""
    for path in MODULES:
        assert not imports(path) & {"subprocess", "os.system", "os.popen"}, path


PUBLIC = ("rnnbench", "rnnbench.cells", "rnnbench.task", "rnnbench.testing", "rnnbench.plots", "rnnbench.insight")


def test_users_see_at_most_ninety_names() -> None:
    names = {f"{module}.{name}" for module in PUBLIC for name in import_module(module).__all__}
    assert len(names) <= 90
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name


def test_every_other_import_path_has_an_underscore() -> None:
    one_per_cell = {module_name(path) for path in (PACKAGE / "cells").glob("[!_]*.py")}
    assert {name for name in NAMES if "_" not in name} - one_per_cell == {*PUBLIC}


PRESETS = (  # files that name single cells and tasks on purpose: claims, hand-picked weights, published numbers, defaults
    "_claims", "verify", "published", "_constructions", "constructions", "plots", "gradients", "_measurements", "_sensitivity",
    "sensitivity", "guess", "lists", "demo", "_engine", "_api", "migrations",
    "_explain",
)  # fmt: skip


def test_only_listed_files_name_a_cell_or_a_task() -> None:
    from rnnbench._plugins import registry

    names = {*registry.CELLS.named(), *registry.TASKS.named()}
    for path in MODULES:
        if path.parent.name == "cells" or {path.stem, path.parent.name} & set(PRESETS):
            continue
        words = {node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)}
        assert not words & names, path


@pytest.mark.parametrize("code", ["import rnnbench; dir(rnnbench)", "import rnnbench._cli; main([])", "main(['sweep', '--help'])"])
def test_importing_the_package_and_help_load_nothing_heavy(code: str) -> None:
    heavy = "print(sorted({'torch', 'pandas', 'matplotlib', 'numba', 'dask', 'distributed'} & set(sys.modules)))"
    code = f"import sys, atexit; atexit.register(lambda: {heavy}); {code}".replace("main(", "from rnnbench._cli import main; main(")
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert out.splitlines()[-1] == "[]"
