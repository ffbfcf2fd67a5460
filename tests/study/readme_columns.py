"""The table of columns in results/README.md, made from the schema: ``python -m tests.study.readme_columns`` writes it."""

from pathlib import Path

from rnnbench._study import Extrapolation, Failure, Row, RunRecord
from rnnbench._study.schema import ROLES

README = Path(__file__).parents[2] / "results" / "README.md"
HEADING = "| column | role | meaning |\n|---|---|---|\n"


def columns_table() -> str:
    """Return the Markdown table of all columns of a study's tables; of columns with the same name the run's counts."""
    columns = RunRecord.columns() | {
        name: text for cls in (Row, Extrapolation, Failure) for name, text in cls.columns().items() if name not in ROLES
    }
    rows = [f"| `{name}` | {ROLES.get(name, 'outcome')} | {text.replace('|', chr(92) + '|')} |" for name, text in columns.items()]
    return HEADING + "\n".join(rows) + "\n"


if __name__ == "__main__":
    before, _, after = README.read_text(encoding="utf-8").partition("| column |")
    _, _, rest = after.partition("\n\n")
    README.write_text(before + columns_table() + (f"\n{rest}" if rest else ""), encoding="utf-8")
