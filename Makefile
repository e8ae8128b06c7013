# Every target sets up what it needs in a local virtual environment; CI calls the same targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
OFFICIAL := .venv-official
TRL := .venv-trl
VERL := .venv-verl
PIP = -m pip install --quiet --disable-pip-version-check -c constraints.txt

export TOKENIZERS_PARALLELISM := false

.PHONY: demo test test-full test-official check format bench clean

demo: $(INSTALLED)
	$(BIN)/python examples/demo.py

test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

test-full: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal -m "not gpu"

# Beside the engines of TextWorld and ALFWorld, which compile C and C++ for minutes, and the losses of TRL and verl;
# LUDEX_OFFICIAL=short for a few games alone.
OTHERS := $(if $(filter short,$(LUDEX_OFFICIAL)),,$(TRL) $(VERL))
BESIDE := -m pytest -o addopts= -p no:cacheprovider --import-mode=importlib
test-official: $(addsuffix /installed,$(OFFICIAL) $(OTHERS))
	$(OFFICIAL)/bin/python $(BESIDE) -s tests/official
	for venv in $(OTHERS); do HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $$venv/bin/python $(BESIDE) -q -W ignore tests/official || exit 1; done

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)
	for script in install countdown maths gameqa worlds vector trainer rollouts cost; do $(BIN)/python benchmarks/$$script.py || exit 1; done

# torch first: nothing that follows may pull another build of it.
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) torch
	$(BIN)/python $(PIP) -e ".[all,dev]"
	touch $(INSTALLED)

$(OFFICIAL)/installed: pyproject.toml constraints.txt
	test -x $(OFFICIAL)/bin/python || $(PYTHON) -m venv $(OFFICIAL)
	$(OFFICIAL)/bin/python $(PIP) -e ".[textworld,alfworld]" pytest
	touch $(OFFICIAL)/installed

$(TRL)/installed: constraints.txt
	test -x $(TRL)/bin/python || $(PYTHON) -m venv $(TRL)
	$(TRL)/bin/python $(PIP) torch
	$(TRL)/bin/python $(PIP) transformers trl==1.16.0 datasets accelerate -e . pytest
	touch $(TRL)/installed

# Without its requirements, most of which serve clusters: these are what its core functions import.
$(VERL)/installed: constraints.txt
	test -x $(VERL)/bin/python || $(PYTHON) -m venv $(VERL)
	$(VERL)/bin/python $(PIP) torch
	$(VERL)/bin/python $(PIP) transformers accelerate codetiming omegaconf orjson packaging ray tensordict -e . pytest
	$(VERL)/bin/python $(PIP) --no-deps verl==0.9.1
	touch $(VERL)/installed

clean:
	rm -rf $(VENV) .venv-* build *.egg-info .pytest_cache .mypy_cache .ruff_cache
