# Two commands: `make demo` and `make test`. Both set up .venv and write nothing outside this folder.
PYTHON ?= python3
VENV := $(CURDIR)/.venv
PY := $(VENV)/bin/python
BUILD := $(CURDIR)/_build

# Whatever Jupyter, IPython, matplotlib and pip would keep in the home directory stays here instead.
export JUPYTER_CONFIG_DIR := $(BUILD)/home/jupyter
export JUPYTER_DATA_DIR := $(BUILD)/home/jupyter-data
export JUPYTER_RUNTIME_DIR := $(BUILD)/home/jupyter-runtime
export IPYTHONDIR := $(BUILD)/home/ipython
export MPLCONFIGDIR := $(BUILD)/home/matplotlib
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(VENV)/bin:$(PATH)
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo test test-all bench mutants export clean-notebooks lint docs build setup system clean

demo: setup  ## execute the capstone on the digits, release it, grade sample submissions, print the grades
	@$(PY) src/scripts/demo.py

test: setup lint  ## every test that fits in 8 minutes
	@$(PY) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder tests

test-all: setup  ## the long suites too
	@$(PY) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder tests --long

bench: setup  ## every promise about speed or memory, both sides side by side
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

mutants: setup  ## a seeded sample of 300 changes to tinytorch/: do its tests notice? about an hour
	@$(PY) src/scripts/mutants.py

export: setup  ## notebooks -> tinytorch/, solution markers stripped
	@$(PY) src/scripts/export.py

clean-notebooks: setup  ## drop outputs and stray metadata, keep nbgrader's
	@$(VENV)/bin/nbdev_clean

lint: setup  ## ruff, as CI runs it
	@$(VENV)/bin/ruff check --quiet .

docs: setup  ## the site, in _build/site
	@$(PY) src/scripts/website.py

build: setup  ## wheel and source distribution, in _build/dist
	@$(PY) -m build --outdir $(BUILD)/dist . >$(BUILD)/build.log 2>&1 || { tail -n 20 $(BUILD)/build.log; exit 1; }
	@ls $(BUILD)/dist

setup: $(VENV)/.ready
	@mkdir -p $(BUILD)/home/ipython

$(VENV)/.ready: settings.ini setup.py
	@command -v $(PYTHON) >/dev/null || { echo "missing: $(PYTHON) (3.11 or newer); on Debian: apt-get install python3 python3-venv"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	 || { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); expected Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "missing: venv; on Debian: apt-get install python3-venv"; exit 2; }
	@echo "setting up $(VENV) (once, a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q --upgrade pip setuptools wheel 2>&1 | grep -v '^WARNING: Location' || true
	@$(PY) -m pip install -q -e '.[dev]' 2>$(VENV)/pip.log || { tail -n 5 $(VENV)/pip.log; echo "pip could not install: see $(VENV)/pip.log"; exit 2; }
	@touch $@

system:  ## Debian packages that the sandbox and the browser tests use; the only target that touches the machine
	@test "$$(id -u)" = 0 || { echo "make system installs Debian packages: run it as root"; exit 2; }
	@command -v apt-get >/dev/null || { echo "make system knows Debian's apt-get only; install bubblewrap and chromium by hand"; exit 2; }
	@command -v bwrap >/dev/null && command -v chromium >/dev/null \
	 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends bubblewrap chromium; }

clean:  ## what can be made again; a course that the demo did not make stays, and stops it
	@for config in $(BUILD)/*/nbgrader_config.py; do course=$$(dirname "$$config"); \
	 [ ! -e "$$config" ] || [ -e "$$course/.made_by_demo" ] || { echo "$$course: is a course that make demo did not make; move it first"; exit 2; }; done
	rm -rf $(BUILD)
