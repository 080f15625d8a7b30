# Everything runs from here; `make` alone lists what there is.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMMA := ,
RUN := $(BIN)/python
# Hundreds of processes are started: what one has compiled, the next need not.
unexport PYTHONDONTWRITEBYTECODE
# One more than processors: many a test waits for something.
PYTEST := $(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## make .venv with what running needs
demo: $(VENV)/.ready ## see it all work, without an account, in under a minute
	@$(RUN) -m tests.demo

test: $(VENV)/.ready-dev ## all tests but the slow ones
	@$(PYTEST) -m "not slow" $(TESTS)

test-all: $(VENV)/.ready-dev ## all tests; takes minutes
	@$(PYTEST) $(TESTS)

check: $(VENV)/.ready-dev ## linter, formatter, type checker
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

test-spark: $(VENV)/.ready-dev ## the engines' contract on a cluster of Spark, one worker killed; minutes
	@$(RUN) -m tests.spark_cluster $(ARGS)

crash-test: $(VENV)/.ready-dev ## kill the receiver again and again; ROUNDS=100
	@$(RUN) -m tests.receiver.crash --rounds $(or $(ROUNDS),100)

bench-receiver: $(VENV)/.ready-dev ## the receiver's speed beside others; needs wrk
	@$(PIP) granian uvicorn
	@$(RUN) -m tests.bench.receiver_speed $(ARGS)

bench-receiver-limits: $(VENV)/.ready-dev ## speed by connections, memory over REPORTS=1000000; needs wrk
	@$(RUN) -m tests.bench.receiver_limits --reports $(or $(REPORTS),1000000)

bench-pull: $(VENV)/.ready-dev ## speed and requests of reading the log, beside others; MESSAGES=1M
	@$(RUN) -m tests.bench.pull_speed --messages $(or $(MESSAGES),50000) $(ARGS)

bench-report: $(VENV)/.ready-dev ## how long a report of MESSAGES=30M in 30 days takes
	@$(RUN) -m tests.bench.report_speed --messages $(or $(MESSAGES),3M)

bench-data: $(VENV)/.ready-dev ## fill FOLDER=data/bench with reports and log of MESSAGES=10M; DAYS=10
	@$(RUN) -m tests.bench.report_folder $(or $(FOLDER),data/bench) --messages $(or $(MESSAGES),10M) $(if $(DAYS),--days $(DAYS)) $(ARGS)

# ARGS="--sizes 0.1M,1M,10M --profile" or ARGS="--incremental --days 90 --messages 100k"
bench-reconcile: $(VENV)/.ready-dev ## a merge's speed, beside a bare query, pandas and Polars
	@$(PIP) polars
	@$(RUN) -m tests.bench.reconcile_speed $(ARGS)

receiver: $(VENV)/.ready ## answer Plivo's callbacks (settings: README)
	@$(RUN) -m receiver serve

reconcile: $(VENV)/.ready ## read the message log, merge, print a summary
	@$(RUN) -m reconcile run

# SINCE=7d UNTIL=… BY=country,carrier WHERE=country=US TOP=10 FORMAT=csv OUTPUT=rates.csv
# FORMULA=strict TZ_NAME=Europe/Berlin (TZ itself would change the clock of make)
# HTML=1 writes a page, to delivery-report.html or OUTPUT
PAGE = $(or $(OUTPUT),delivery-report.html)
report: $(VENV)/.ready ## print the rate report; SINCE=7d BY=country HTML=1 FORMAT=csv OUTPUT=f
	@$(RUN) -m reconcile report $(if $(SINCE),--since $(SINCE)) $(if $(UNTIL),--until $(UNTIL)) \
	  $(if $(BY),--by $(BY)) $(if $(WHERE),--where '$(WHERE)') $(if $(TOP),--top $(TOP)) $(if $(HTML),--format html --output $(PAGE),$(if $(FORMAT),--format $(FORMAT)) $(if $(OUTPUT),--output $(OUTPUT))) \
	  $(if $(FORMULA),--formula $(FORMULA)) $(if $(TZ_NAME),--tz $(TZ_NAME)) $(if $(REDACT),--redact) $(ARGS)
	@$(if $(HTML),echo "Wrote $(abspath $(PAGE))")

notebook: $(VENV)/.ready-notebooks ## open the notebooks in JupyterLab; DATA_DIR=data/demo
	@$(BIN)/jupyter lab notebooks/01_delivery_rates.ipynb

clean: ## remove .venv, caches and the demo's data; your own data stays
	rm -rf $(VENV) data/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; say which: make PYTHON=python3.12 …")'
	@echo "Setting up $(VENV) (about a minute, once) …" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@echo "Adding what the tests need …" >&2
	@$(PIP) --editable '.[dev$(if $(shell command -v java),$(COMMA)spark)]'
	@touch $@

$(VENV)/.ready-notebooks: $(VENV)/.ready
	@echo "Adding JupyterLab …" >&2
	@$(PIP) --editable '.[notebooks]'
	@touch $@

.PHONY: help setup demo test test-all test-spark check crash-test bench-receiver bench-receiver-limits bench-pull bench-report bench-data bench-reconcile receiver reconcile report notebook clean
