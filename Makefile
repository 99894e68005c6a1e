# What a newcomer, CI and we ourselves run; each target sets up once what it needs.
PYTHON ?= python3
SWEEP ?= quickstart
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check
PIP := $(BIN)/python $(INSTALL) --constraint constraints.txt
PYTEST := -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
# The newest PyTorch brings CUDA along: the tests take the pinned one unless TORCH names another.
TORCH ?= $(shell grep '^torch==' constraints.txt)

.PHONY: sweep test test-slow test-latest check bench docs pins clean

sweep: .venv/run-ready  ## run a study to its report (SWEEP=name or file)
	$(BIN)/terrasweep run $(SWEEP)

test: .venv/dev-ready  ## every test but those of test-slow
	$(BIN)/python $(PYTEST) -m 'not slow_by_nature'

test-slow: .venv/dev-ready  ## kill a cluster, install the wheel, follow the long pages of docs
	$(BIN)/python $(PYTEST) -m slow_by_nature

test-latest: .venv-latest/ready  ## the quick tests, with the newest packages that pyproject.toml allows
	.venv-latest/bin/python $(PYTEST) -m 'not ray and not slow and not slow_by_nature' \
	  tests/laws tests/contracts tests/rooms

check: .venv/dev-ready  ## format, lint, types, import contracts, spelling; of tracked files only
	git ls-files -z '*.py' | xargs -0 $(BIN)/ruff format --check
	git ls-files -z '*.py' pyproject.toml | xargs -0 $(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	git grep -zIl '' | xargs -0 $(BIN)/codespell

bench: .venv/dev-ready  ## every benchmark; each prints what README and docs quote
	set -e; for bench in $(wildcard benchmarks/*.py); do PYTHONPATH=. $(BIN)/python $$bench; done

docs: .venv/dev-ready  ## write again what is generated: the schema of a sweep file
	$(BIN)/terrasweep spec schema > docs/sweep.schema.json

pins: .venv/dev-ready  ## write constraints.txt anew from the working environment
	$(BIN)/python -m pip list --format=freeze --exclude-editable --exclude pip \
	  | sed 's/+cpu//' > .venv/pins && sed -i '/^[^#]/d' constraints.txt && cat .venv/pins >> constraints.txt

clean:  ## remove the environment and caches; the store stays
	rm -rf .venv .venv-latest build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "terrasweep needs Python 3.11 or newer; found " + sys.version.split()[0] + "; name one with make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	touch $@

# torch first: a CPU build at hand is taken, and no other package pulls a CUDA one.
.venv/run-ready: .venv/made pyproject.toml constraints.txt
	@echo "setting up .venv with the pinned packages; this is done once"
	$(PIP) torch
	$(PIP) --editable .
	touch $@

.venv/dev-ready: .venv/run-ready
	$(PIP) --editable '.[dev]'
	touch $@

.venv-latest/ready: pyproject.toml
	$(PYTHON) -m venv .venv-latest
	.venv-latest/bin/python $(INSTALL) '$(TORCH)'
	.venv-latest/bin/python $(INSTALL) --upgrade --upgrade-strategy eager --editable '.[dev]' '$(TORCH)'
	touch $@
