# `make demo`, `make test` and `make docs`.  Each makes `.venv` first, with pinned versions.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin

# Small networks run many times slower when threads spin on shared cores.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

# One test process a core, up to eight; `make test WORKERS=0` runs all tests in one.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: demo test docs clean

demo: $(VENV)/installed
	$(BIN)/sbiwb run desi_dr2

test: $(VENV)/installed-test
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal

docs: $(VENV)/installed-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

$(VENV)/installed: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0 --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,docs,all]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
