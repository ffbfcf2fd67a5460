# The two commands: `make run` and `make test`. They set up all they need, once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?= --cell lstm --task copy --gap 200

.PHONY: run report reference test lint types wheel-check clean

run: $(VENV)/.installed
	$(BIN)/rnnbench run $(ARGS)

# The committed runs of results/reference/, piece by piece; finished runs are skipped, so it can be interrupted and resumed.
REFERENCE := gated rnn orthogonal lstm-init far far-rnn
reference: $(VENV)/.installed
	for piece in $(REFERENCE); do \
	  $(BIN)/rnnbench sweep results/reference/$$piece.toml --out results/reference || exit $$?; \
	done
	$(BIN)/rnnbench verify
	$(BIN)/rnnbench plot results/reference --published

# One page of the committed runs, to look at in a browser.
report: $(VENV)/.installed
	$(BIN)/rnnbench report results/reference --out build/report.html

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

# Builds a wheel, installs it into a fresh environment and uses it from another directory.
wheel-check: $(VENV)/.installed
	bash .ci/wheel-check $(BIN)/python

# torch first and by version: a bare `torch` brings the CUDA packages, gigabytes that a CPU machine has no use for.
$(VENV)/.installed: pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "rnnbench needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
