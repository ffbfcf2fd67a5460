# The two main commands are `make run` and `make test`. They set up the environment once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_FLAGS := --progress-bar on --disable-pip-version-check --root-user-action ignore
ARGS ?= --cell lstm --task copy --gap 200

.PHONY: run report reference figures atlas atlas-2 test test-slow lint types wheel-check minimum-versions clean

run: $(VENV)/.installed
	$(BIN)/rnnbench run --plot $(ARGS)
	@echo "to use rnnbench in this terminal: . $(BIN)/activate"
	@echo "then, for three cells and a picture in one minute: rnnbench demo"

# The committed runs of results/reference/, piece by piece. Finished runs are skipped, so this can be interrupted and resumed.
REFERENCE := results/reference
HEADLINE := $(patsubst %,$(REFERENCE)/%.toml,headline far far-adding orthogonal far-orthogonal)
BUDGETS := $(wildcard $(REFERENCE)/budget-*.toml)
OTHERS := $(patsubst %,$(REFERENCE)/%.toml,v2 v2-1000 v2-1000-lstm v2-orthogonal copy-fresh bare floor starts constant width gru-forms fixed)
reference: $(VENV)/.installed
	$(BIN)/rnnbench tune $(REFERENCE)/tuning.toml --out results/tuning --table $(REFERENCE)/tuning.csv
	for piece in $(HEADLINE) $(BUDGETS) $(OTHERS); do \
	  $(BIN)/rnnbench sweep $$piece --out $(REFERENCE) || exit $$?; \
	done
	$(BIN)/rnnbench guess --task beijing --cell rnn --gap 200 --out $(REFERENCE)/guess
	$(BIN)/rnnbench verify $(REFERENCE) --record
	$(MAKE) figures

# The figures of the committed runs: first the headline that study.toml names, then the sweeps that a figure compares.
DRAWN := accuracy_by_gap,solved_rate,overview,steps_to_solve,learning_curves_recall,learning_curves_adding,learning_curves_copy
figures: $(VENV)/.installed
	$(BIN)/rnnbench plot $(REFERENCE) --figure $(DRAWN) --published
	$(BIN)/rnnbench plot $(REFERENCE) --sweep `echo $(BUDGETS) $(REFERENCE)/v2.toml | tr ' ' ,` --figure budget
	$(BIN)/rnnbench plot $(REFERENCE) --sweep $(REFERENCE)/width.toml --figure accuracy_by_gap --out $(REFERENCE)/figures/width

# results/atlas/: every cell on one axis. This can be interrupted and resumed too.
ATLAS := results/atlas
atlas: $(VENV)/.installed
	$(BIN)/rnnbench sweep $(ATLAS)/atlas.toml --out $(ATLAS)
	$(BIN)/rnnbench plot $(ATLAS) --figure overview,span_by_state_size
	$(BIN)/rnnbench table $(ATLAS) --spans --format markdown > $(ATLAS)/spans.md

# results/atlas-2/: the part of protocol atlas-2 that has been run, and the baselines of `rnnbench atlas`.
ATLAS_2 := results/atlas-2
PROTOCOL := rnnbench/_sweep/protocols/atlas-2
atlas-2: $(VENV)/.installed
	$(BIN)/rnnbench tune $(PROTOCOL)-tuning.toml --task recall,copy,tracking,mqar,adding --out $(ATLAS_2)/pilots --table $(ATLAS_2)/tuning.csv
	$(BIN)/rnnbench sweep $(PROTOCOL).toml --tuned $(ATLAS_2)/tuning.csv --task recall,copy,mqar --out $(ATLAS_2)
	$(BIN)/rnnbench sweep $(PROTOCOL).toml --tuned $(ATLAS_2)/tuning.csv --task adding --gap 10,50,200 --out $(ATLAS_2)
	$(BIN)/rnnbench sweep $(PROTOCOL).toml --tuned $(ATLAS_2)/tuning.csv --task tracking --out $(ATLAS_2)
	$(BIN)/rnnbench plot $(ATLAS_2) --figure overview
	$(BIN)/rnnbench tune $(ATLAS_2)/blind/tuning.toml --out $(ATLAS_2)/blind/pilots --table $(ATLAS_2)/blind/tuning.csv
	for piece in blind lstm-20 lstm-500; do $(BIN)/rnnbench sweep $(ATLAS_2)/blind/$$piece.toml --out $(ATLAS_2)/blind || exit $$?; done
	$(BIN)/rnnbench plot $(ATLAS_2) $(ATLAS_2)/blind --cell lstm --only copy --figure accuracy_by_gap --style slide --out $(ATLAS_2)/blind/figures
	$(BIN)/rnnbench tune $(ATLAS_2)/sequence/tuning.toml --out $(ATLAS_2)/sequence/pilots --table $(ATLAS_2)/sequence/tuning.csv
	for piece in sequence transformer-200; do $(BIN)/rnnbench sweep $(ATLAS_2)/sequence/$$piece.toml --out $(ATLAS_2)/sequence || exit $$?; done
	$(BIN)/rnnbench sweep $(ATLAS_2)/sequence/cpu/cpu.toml --out $(ATLAS_2)/sequence/cpu
	for steps in 1000 16000; do $(BIN)/rnnbench sweep $(ATLAS_2)/budget/budget-$$steps.toml --out $(ATLAS_2)/budget || exit $$?; done
	$(BIN)/rnnbench plot $(ATLAS_2) $(ATLAS_2)/budget --cell rnn,irnn,gru,lstm,mingru --only copy --figure budget --style slide --out $(ATLAS_2)/budget/figures
	$(BIN)/rnnbench plot $(ATLAS_2) --cell rnn,lstm,gru,lru,mingru --only copy --figure overview,accuracy_by_gap --style slide --out $(ATLAS_2)/figures/slides
	gzip -9nc $(ATLAS_2)/runs.csv > $(PROTOCOL).csv.gz

# One page about the runs of the README's figure, for a browser.
report: $(VENV)/.installed
	$(BIN)/rnnbench report $(REFERENCE) --out build/report.html

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# Browser, notebooks and recomputed pages.
test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

# Build a wheel, install it into a fresh environment and use it from another directory.
wheel-check: $(VENV)/.installed
	bash .ci/wheel-check $(BIN)/python

# The lowest versions that pyproject.toml declares, in a fresh environment.
minimum-versions: $(VENV)/.installed
	bash .ci/minimum-versions $(BIN)/python

# torch first and by version: a bare `torch` brings gigabytes of CUDA packages that a CPU machine does not need.
$(VENV)/.installed: pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "rnnbench needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "setting up $(VENV), once: 1 of 3, an empty environment"
	@$(PYTHON) -m venv $(VENV)
	@echo "2 of 3, PyTorch, the largest download"
	@$(BIN)/python -m pip install $(PIP_FLAGS) torch==2.13.0
	@echo "3 of 3, rnnbench and the tools of its tests"
	@$(BIN)/python -m pip install $(PIP_FLAGS) --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
