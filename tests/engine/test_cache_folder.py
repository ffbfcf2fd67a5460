"""Tests of the folder for compiled code: nothing is run that others could have put there, and a damaged file is written again."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from numba import float64

from rnnbench._engine.build import _module, c_function
from rnnbench._engine.cache_folder import cache_folder, insecure

TEXT = "from numba import njit\n@njit(cache=True)\ndef double(x):\n    return x + x\n"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a cache folder with one compiled function."""
    folder = tmp_path_factory.mktemp("compiled")
    assert _module("rnnbench_compiled", folder / "rnnbench_compiled.py", TEXT).double(2) == 4
    return folder


@pytest.mark.parametrize("size", [0, 20])
@pytest.mark.parametrize("suffix", [".nbi", ".nbc", ".py"])
def test_a_damaged_file_is_written_again(tmp_path: Path, compiled: Path, suffix: str, size: int) -> None:
    shutil.copytree(compiled, tmp_path / "cache")
    (file,) = (tmp_path / "cache").rglob(f"*{suffix}")
    whole = file.stat().st_size
    os.truncate(file, size)
    assert _module("rnnbench_compiled", tmp_path / "cache" / "rnnbench_compiled.py", TEXT).double(2) == 4
    assert abs(file.stat().st_size - whole) < 200  # numba stores a path


@pytest.mark.parametrize("kind", ["function", "C function"])
def test_machine_code_with_other_bytes_is_not_run(tmp_path: Path, kind: str) -> None:
    def triple() -> float:
        module = _module("rnnbench_triple", tmp_path / "rnnbench_triple.py", text)
        return module.triple(2.0) if kind == "function" else c_function(module.triple, float64(float64)).ctypes(2.0)

    text = "from numba import njit\n\n\n@njit(cache=True)\ndef triple(x):\n    return 3 * x\n"
    text = text if kind == "function" else text.replace("@njit(cache=True)\n", "")
    assert triple() == 6
    (file,) = tmp_path.rglob("*.nbc")
    whole, written = file.read_bytes(), file.stat().st_mtime_ns
    assert triple() == 6
    assert file.stat().st_mtime_ns == written  # it was loaded
    for place in (0, len(whole) // 2, len(whole) - 1):
        damaged = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        file.write_bytes(damaged)
        assert triple() == 6
        assert file.read_bytes() != damaged


def test_a_file_with_another_text_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "rnnbench_other.py"
    file.write_text("open('ran', 'w').close()\n")
    assert _module("rnnbench_other", file, "x = 1\n").x == 1
    assert file.read_text() == "x = 1\n"


def test_a_compiled_function_of_another_folder_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "shared"))
    assert _module("rnnbench_own", tmp_path / "rnnbench_own.py", TEXT).double(2) == 4
    assert list(tmp_path.rglob("*.nbi"))
    assert not (tmp_path / "shared").exists()


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that everybody can write to, where the cache would be."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "home").mkdir(mode=0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "shared"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    cache_folder.cache_clear()
    yield
    cache_folder.cache_clear()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="has owners and modes")
@pytest.mark.parametrize("name", ["rnnbench", "rnnbench/__pycache__"])
@pytest.mark.parametrize("planted", ["by mode", "by owner"])
def test_a_folder_that_somebody_planted_is_refused(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, planted: str, name: str
) -> None:
    (shared / "rnnbench").mkdir(mode=0o700)
    (shared / name).mkdir(exist_ok=True)
    if planted == "by mode":
        (shared / name).chmod(0o777)
    else:
        inner, stat = shared / name, Path.stat

        def owned_by_another(path: Path, **options: bool) -> os.stat_result:
            values = list(stat(path, **options))
            values[4] += path == inner
            return os.stat_result(values)

        monkeypatch.setattr(Path, "stat", owned_by_another)
    used = tmp_path / "home" / ".cache" / "rnnbench"
    assert cache_folder() == used
    problem = f"others can write to {shared / name}" if planted == "by mode" else f"{shared / name} belongs to another user"
    assert problem in caplog.text
    assert f"compiled cells are kept in {used}" in caplog.text


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="has owners and modes")
def test_a_new_folder_belongs_to_the_user_only(shared: Path) -> None:
    """In a sticky folder, like /tmp, nobody else can replace it; in any other that others can write to, it is not used."""
    before = os.umask(0)
    try:
        assert cache_folder() == shared / "rnnbench"
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode & 0o777) for path in (shared / "rnnbench", shared / "rnnbench" / "__pycache__")} == {"0o700"}
    shared.chmod(0o777)
    assert insecure(shared / "rnnbench" / "__pycache__") == f"others can write to {shared} (chmod go-w would change that)"
