"""Files and studies that bad input names."""

import pickle
import shutil
from pathlib import Path

FILES = {
    "file": "",
    "many.toml": f"cell = 'rnn'\ntask = 'copy'\ngap = {list(range(1, 2001))}\nseed = {list(range(2000))}\n",
    "syntax.py": "def (:\n",
    "nameless.py": "x = 1\n",
    "no_class.py": "CELL = TASK = 3\n",
    "abstract.py": "from rnnbench._cell import Cell\nclass A(Cell):\n    name = summary = 'a'\nCELL = A\n",
}


def write_files(folder: Path, studies: Path) -> None:
    """Write the files, and copies of the study ``studies`` with one kind of damage each."""
    from rnnbench._plugins.registry import TASKS

    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "binary.py").write_bytes(b"\xff\xfe\0\x01")
    (folder / "folder.py").mkdir()
    task = Path(TASKS.named()["beijing"].where).read_text(encoding="utf-8").replace('"beijing"\n', '"mine"\n')
    for name, token in (("token", 99), ("negative", -1)):
        first = f"torch.full_like(verbs, {token}).unsqueeze(0)"
        text = task.replace("torch.cat((verbs.unsqueeze(0)", f"torch.cat(({first}")
        (folder / f"task_{name}.py").write_text(text, encoding="utf-8")
    for name in ("good", "pickled", "foreign", "list", "text", "deep", "zero", "header"):
        shutil.copytree(studies, folder / name)
    (folder / "empty").mkdir()
    (folder / "zero" / "runs.csv").write_bytes(b"")
    header = (folder / "header" / "runs.csv").read_text().splitlines()[0]
    (folder / "header" / "runs.csv").write_text(header + "\n")
    shutil.rmtree(folder / "header" / "logs")
    for name, text in (("list", "[]"), ("text", "no"), ("deep", "[" * 3000)):
        (folder / name / "sweep.json").write_text(text)
    for name, content in (("pickled", pickle.dumps(print)), ("foreign", b"PK\x03\x04")):
        for path in (folder / name / "weights").glob("*.pt"):
            path.write_bytes(content)
    for file in ("future/runs.csv", "future_log/logs/a.csv"):
        (folder / file).parent.mkdir(parents=True)
        (folder / file).write_text("schema,run_id\n99,2\n")
