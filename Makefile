# VX Detectron in two commands: `make demo` and `make test`. `make` alone lists all targets.

PYTHON ?= python3
VENV   ?= .venv
PHOTO  ?= $(SAMPLE)

DEMO   := build/demo
SAMPLE := $(DEMO)/astronaut.png
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP    := PYTHONWARNINGS='ignore:Editable installation' \
          $(BIN)/python -m pip install --quiet --disable-pip-version-check
# pydensecrf2 pins a Cython that is older than Python 3.13; it builds with newer ones, too.
DENSECRF := { $(PIP) cython wheel 'setuptools<81' && \
            $(PIP) --no-build-isolation pydensecrf2; } 2> /dev/null

.DEFAULT_GOAL := help
.PHONY: help demo test test-all format package docs clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo $(filter $(SAMPLE),$(PHOTO)) ## cut out the subject of a sample photo (PHOTO=mine.jpg for your own)
	$(BIN)/python tools/isolate.py "$(PHOTO)" --output $(DEMO)/cutout.png --overwrite

# Two processes: with Ray, torch, ONNX Runtime and OpenVINO all loaded into one, the interpreter
# has crashed halfway.
test: $(VENV)/.test ## run the checks for every change: style, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow and not browser" tests/[a-s]*/
	$(BIN)/python -m pytest -m "not slow and not browser" tests/[t-z]*/ tests/test_*.py

test-all: $(VENV)/.test ## run every test, including the slow ones
	$(BIN)/python -m pytest tests/[a-s]*/
	$(BIN)/python -m pytest tests/[t-z]*/ tests/test_*.py

format: $(VENV)/.test ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

package: $(VENV)/.test ## build wheel and source archive, and try the wheel in an empty environment
	@$(PIP) --editable '.[package]'
	$(BIN)/python .ci/check_wheel.py

docs: $(VENV)/.test ## build the documentation with its API reference into build/docs
	@$(PIP) --editable '.[docs]'
	$(BIN)/python -m mkdocs build --strict

clean: ## remove the environment and everything built
	rm -rf "$(VENV)" build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Each target below is an empty file; its date says when that much was last installed.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is \
	needed, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv "$(VENV)"
	@$(PIP) --upgrade pip
	@touch $@

$(VENV)/.demo: $(VENV)/.made setup.py pyproject.toml
	@echo "Installing VX Detectron into $(VENV); the first time takes a few minutes ..."
	@$(PIP) --editable .
	@if command -v c++ > /dev/null && $(DENSECRF); then :; \
	else echo "The DenseCRF step is left out: it needs a C++ compiler and Python's headers."; fi
	@touch $@

$(VENV)/.test: $(VENV)/.made setup.py pyproject.toml
	@echo "Installing VX Detectron and its test tools into $(VENV) ..."
	@$(DENSECRF)
	@$(PIP) --editable '.[test]'
	@touch $@ "$(VENV)/.demo"

# The sample photo travels inside scikit-image, of which nothing else is needed.
$(SAMPLE): | $(VENV)/.demo
	@mkdir -p $(DEMO)
	@$(PIP) --no-deps --target $(DEMO)/scikit-image scikit-image
	@cp $(DEMO)/scikit-image/skimage/data/$(@F) "$@"
	@rm -r $(DEMO)/scikit-image
