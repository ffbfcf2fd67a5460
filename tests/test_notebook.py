"""In a notebook: a bar while a run goes, and the stop button keeps what was done."""

import os
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parents[1]
ENDLESS = {"task": "recall", "gap": 50, "hidden_size": 8, "max_steps": 10**6, "eval_every": 2, "engine": "torch"}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the kernel's own libraries
def test_a_bar_is_shown_and_the_stop_button_keeps_the_progress(tmp_path: Path) -> None:
    manager, kernel = start_new_kernel(cwd=str(tmp_path), env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        kernel.execute(f"import rnnbench\nresult = rnnbench.run(cell='rnn', **{ENDLESS})")
        shown, end = "", time.monotonic() + 120
        while "2 of 1,000,000" not in shown:
            assert time.monotonic() < end, shown
            content = kernel.get_iopub_msg(timeout=120)["content"]
            assert "traceback" not in content, content
            shown += str(content.get("data", {}).get("text/html", ""))
        manager.interrupt_kernel()
        assert "<progress" in shown
        printed = []
        kernel.execute_interactive(
            "print(result.status, len(result.log), result.step >= 2)",
            timeout=60,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
        assert "".join(printed).split()[0] == "interrupted"
        assert "".join(printed).split()[2] == "True"
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
