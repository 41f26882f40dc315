# bayesdx on a Debian machine with python3.11 (and its venv module), make and git:
#
#   make demo    diagnose a published case
#   make test    lint, types and the whole test suite
#
# Everything is installed into .venv from pinned, hashed requirements; a second run installs nothing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Hundreds of tests start a process of their own; without bytecode each of them would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
SPARK := build/spark
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
NOTEBOOKS ?=
UV_VERSION := 0.13.9
# What needs none of the tools that the whole suite is compared with. Old libraries use what newer ones deprecate.
LOWEST_TESTS := bayesdx tests/knowledge tests/network tests/diagnosis tests/cohort

DEMO_MODEL := hip_flexion_weakness
DEMO_CASE := tests/data/demo.json
DEMO_POPULATION := primary_care

PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --require-hashes --only-binary :all:
INSTALL_SELF := $(PIP) install --quiet --no-deps --no-index --no-build-isolation --editable .

.PHONY: help demo test lowest lint types format docs bench spark readme notebooks lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/installed-demo ## install the core and diagnose a published case
	@$(BIN)/python -c 'import json, sys; case = json.load(open(sys.argv[1])); print(case["title"], case["address"], sep="\n")' \
		$(DEMO_CASE)
	@$(BIN)/bayesdx diagnose $(DEMO_MODEL) --findings $(DEMO_CASE) --population $(DEMO_POPULATION) --brief --top 5

test: lint types ## lint, types, and the whole suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

lowest: $(VENV)/installed-lowest ## a part of the suite on the oldest dependencies allowed; wants VENV=build/lowest
	$(BIN)/python -m pytest -p no:cacheprovider -W ignore::DeprecationWarning $(LOWEST_TESTS) $(PYTEST_ARGS)

lint: $(VENV)/installed-test ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-test ## mypy, strict on the package
	$(BIN)/mypy

format: $(VENV)/installed-test ## ruff: mend what can be mended, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed-test ## the documentation site, into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

bench: $(VENV)/installed-test ## bayesdx beside its peers
	$(BIN)/python -m benchmarks $(BENCH_ARGS)
	$(BIN)/python -m benchmarks reasoning

spark: $(SPARK)/installed ## the code of docs/spark.md on clusters of this machine (needs Java 17)
	$(SPARK)/bin/python -m benchmarks clusters

readme: $(VENV)/installed-test ## write what the commands in README.md and docs print into them
	$(BIN)/python -m tests.packaging.readme

notebooks: $(VENV)/installed-test ## run the notebooks and store what they show
	$(BIN)/python -m tests.notebooks.notebooks $(NOTEBOOKS)

# The requirements are pinned for every platform and every Python from 3.11 on, with hashes and without addresses.
lock: $(VENV)/installed-demo ## pin the requirements anew
	$(PIP) install --quiet uv==$(UV_VERSION)
	$(call compile,requirements/test.txt,pyproject.toml --group pyproject.toml:build --extra test)
	$(call compile,requirements/demo.txt,pyproject.toml --group pyproject.toml:build --constraint requirements/test.txt)
	$(call compile,requirements/lowest.txt,pyproject.toml --group pyproject.toml:build --extra lowest --resolution lowest-direct)
	$(call compile,requirements/spark.txt,--group pyproject.toml:spark)

compile = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header $(2) --output-file $(1)

clean: ## remove what these targets made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pyspark is large: it has an environment of its own, which sees the packages of the other one.
$(SPARK)/installed: requirements/spark.txt $(VENV)/installed-test
	@command -v java >/dev/null || { \
		echo 'make spark needs Java 17 or newer. On Debian: apt-get install default-jre-headless.' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(SPARK)
	$(SPARK)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-build-isolation \
		--requirement <(sed -n '/^setuptools==/,/via/p' requirements/spark.txt)
	$(SPARK)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-build-isolation \
		--requirement requirements/spark.txt
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
		"$$($(SPARK)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/others.pth"
	@touch $@

$(VENV)/installed-test: requirements/test.txt $(VENV)/installed-demo
	$(INSTALL) --requirement requirements/test.txt
	@touch $@

$(VENV)/installed-lowest: requirements/lowest.txt pyproject.toml $(VENV)/created
	$(INSTALL) --requirement requirements/lowest.txt
	$(INSTALL_SELF)
	@touch $@

$(VENV)/installed-demo: requirements/demo.txt pyproject.toml $(VENV)/created
	$(INSTALL) --requirement requirements/demo.txt
	$(INSTALL_SELF)
	@touch $@

$(VENV)/created:
	@command -v $(PYTHON) >/dev/null || { \
		echo 'bayesdx needs $(PYTHON), which is not on the path. On Debian: apt-get install python3.11 python3.11-venv.' >&2; \
		echo 'With a newer Python: make PYTHON=python3.12 $(MAKECMDGOALS).' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'bayesdx needs Python 3.11 or newer; $(PYTHON) is older.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '$(PYTHON) lacks its venv module. On Debian: apt-get install python3.11-venv.' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@
