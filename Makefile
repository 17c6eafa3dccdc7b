# Two commands are enough on a fresh machine: `make run` and `make test`. Each can be run again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# For `make demo`.
PILOTS ?= 500
WORKERS ?= 1
# For `make verify`.
VERIFY_PILOTS ?= 200
HOURS ?= 24
SEED ?= 1
SIMULATOR_PORT ?= 8002
# For `make test` and `make test-fast`; 0 for a debugger. Tests wait half of their time: four
# processes have enough to do for two cores.
PROCESSES ?= 4
# For `make chaos`: some two seconds each; then workers are killed for some minutes.
FAULTS ?= 500
MINUTES ?= 10
# For `make test-ha`: each some ten seconds, in each of five ways; and of PostgreSQL, each two minutes.
TURNS ?= 20
FAIL_OVERS ?= 3
# For `make hostile`: some two hundred a second.
REQUESTS ?= 100000
# For `make mutants`: for each package, some six seconds each.
MUTANTS ?= 40

.DEFAULT_GOAL := help
.PHONY: help setup run demo test test-fast test-ha lint format web bench verify chaos hostile mutants docs lock clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## Install everything, the tools for development too, into .venv

run: $(VENV)/.run ## Run the service on port 8001, with an embedded PostgreSQL
	$(BIN)/vatwatch run

demo: $(VENV)/.run ## Run the service on simulated traffic (WORKERS=3: with a PostgreSQL and a Redis)
	exec env PILOTS=$(PILOTS) SEED=$(SEED) SIMULATOR_PORT=$(SIMULATOR_PORT) WORKERS=$(WORKERS) \
	    scripts/demo.sh $(BIN)

test: $(VENV)/.dev ## Run all tests, on a real PostgreSQL and a real Redis (CAPTURES=dir: on captures, too)
	@$(MAKE) --no-print-directory -j2 packages compiled
	CAPTURES=$(CAPTURES) $(PYTEST) $(TESTS)

test-fast: $(VENV)/.dev ## Run the tests that need no server, in under a minute
	$(PYTEST) -q -m 'not servers' $(TESTS)

# A file's tests share what they have started: they stay in one process. tests/conftest.py has the order.
PYTEST := $(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev ## Check format, style, types, the direction of imports, and the page's sources
	@$(MAKE) --no-print-directory -j2 lint-python lint-web

format: $(VENV)/.dev ## Bring the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

web: $(VENV)/.dev ## Build the page from web/
	scripts/web.sh $(BIN) build

bench: $(VENV)/.dev ## Measure; figures are ratios to a floor in the same run
	$(BIN)/python -m benchmarks.runtime
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.reads
	$(BIN)/python -m benchmarks.wire_reads
	$(BIN)/python -m benchmarks.queries
	$(BIN)/python -m benchmarks.eta
	$(BIN)/python -m benchmarks.contacts
	$(BIN)/python -m benchmarks.areas
	$(BIN)/python -m benchmarks.stream
	$(BIN)/python -m benchmarks.workers
	scripts/system-packages.sh
	$(BIN)/python -m benchmarks.page

verify: $(VENV)/.run ## Derive a simulated day, and see how often the rules are right
	$(BIN)/vatwatch verify --pilots $(VERIFY_PILOTS) --hours $(HOURS) --seed $(SEED)

chaos: $(VENV)/.dev ## Break the running service again and again, and prove that nothing is lost
	scripts/system-packages.sh
	$(BIN)/python -m tests.chaos --faults $(FAULTS) --seed $(SEED)
	$(BIN)/python -m tests.chaos.workers --minutes $(MINUTES) --seed $(SEED)

test-ha: $(VENV)/.dev ## Lose the collector, and the masters of Redis and PostgreSQL, again and again
	scripts/system-packages.sh ha
	@times=$$(mktemp) && trap 'rm -f '$$times EXIT \
	    && HA_TURNS=$(TURNS) HA_TIMES=$$times $(BIN)/pytest -n 0 -k another_one tests/test_several_nodes.py \
	    && HA_TURNS=$(TURNS) $(BIN)/pytest -n 0 tests/storage/test_collector.py \
	    && HA_TURNS=$(TURNS) HA_TIMES=$$times $(BIN)/pytest -n 0 tests/actors/test_redis_failover.py \
	    && HA_TURNS=$(FAIL_OVERS) HA_TIMES=$$times $(BIN)/pytest -n 0 tests/ha \
	    && $(BIN)/python -m scripts.failover_times $$times

hostile: $(VENV)/.dev ## Send hostile requests to the running service, and see that it minds none of them
	scripts/system-packages.sh
	$(BIN)/python -m tests.hostile --requests $(REQUESTS) --seed $(SEED)

mutants: $(VENV)/.mutants ## Change the code in small ways, and see whether the tests notice
	$(BIN)/python -m scripts.mutants --mutants $(MUTANTS) --seed $(SEED)

docs: $(VENV)/.dev ## Rewrite the generated parts of docs/
	$(BIN)/python -m scripts.reference

lock: ## Pin the newest requirements that pyproject.toml allows
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra build $(LOCK) -o requirements.txt
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra build --extra client --extra dev $(LOCK) \
	    -c requirements.txt -o requirements-dev.txt
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra build --extra client --extra dev --extra mutants $(LOCK) \
	    -c requirements-dev.txt -o requirements-mutants.txt
	echo uv | $(VENV)-lock/bin/uv pip compile - $(LOCK) -o requirements-uv.txt
	rm -r $(VENV)-lock
LOCK := --universal --generate-hashes --no-header --quiet --python-version 3.11

clean: ## Remove what was installed and built; the data in var/ stay
	rm -rf $(VENV) *.egg-info build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# --- what the commands stand on -------------------------------------------------------------------

.PHONY: lint-python lint-web packages compiled
lint-python:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

lint-web:
	scripts/web.sh $(BIN) check

packages:
	scripts/system-packages.sh

# The service is started 100 times, and each process of the tests reads all of them. What is wrong
# with one is told by their run.
compiled:
	@$(BIN)/python -m compileall -q vatwatch vatsim_simulator
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only -q $(TESTS) > /dev/null 2>&1 || true

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "vatwatch needs Python 3.11 or later: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	    || { rm -rf $(VENV); echo "Python lacks venv: apt-get install python3-venv" >&2; exit 1; }

# uv takes ten seconds where pip takes a minute. pip knows mirrors that uv does not, and more
# machines: where uv fails, pip has the word.
# No build isolation: the tools that build the package are pinned like everything else.
PIP := $(BIN)/pip --quiet --disable-pip-version-check install
UV := $(BIN)/uv --quiet pip install --python $(BIN)/python --compile-bytecode
define install
	@echo "Installing what vatwatch needs into $(VENV): a minute or two, once."
	@{ $(PIP) --require-hashes -r requirements-uv.txt && $(UV) --require-hashes -r $(1); } \
	    || $(PIP) --require-hashes -r $(1)
	@$(PIP) --no-build-isolation --no-deps -e .
	@touch $@
endef

$(VENV)/.run: requirements.txt pyproject.toml | $(BIN)/pip
	$(call install,requirements.txt)

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(BIN)/pip
	$(call install,requirements-dev.txt)
	@touch $(VENV)/.run

$(VENV)/.mutants: requirements-mutants.txt | $(VENV)/.dev
	$(call install,requirements-mutants.txt)
