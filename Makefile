# `make demo` and `make test` do all their set-up: they need Python 3.11 or newer, make and a package index.
.PHONY: demo test bench torture breaks clean
.DELETE_ON_ERROR:

PYTHON := $(shell for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && command -v $$python && break; \
	done)
DEMO := .venv/demo
TEST := .venv/test
SOURCES := $(shell find importer -name '*.py')

demo: $(DEMO)/ready
	@state=$$(mktemp -d) && trap 'rm -rf "$$state"' EXIT && \
	echo "== 1 of 3: orders from Parquet, every row good" && \
	$(DEMO)/bin/importer run configs/orders_parquet.yaml sample_data/orders.parquet --sandbox --state-dir "$$state" && \
	echo && echo "== 2 of 3: orders from CSV, some rows are broken on purpose: they are rejected, and the exit code is 3" && \
	{ $(DEMO)/bin/importer run configs/orders_csv.yaml sample_data/orders.csv --sandbox --state-dir "$$state"; test $$? -eq 3; } && \
	echo && echo "== 3 of 3: order lines from two files, grouped into orders; one line is wrong, so its order is rejected" && \
	{ $(DEMO)/bin/importer run configs/order_lines.yaml sample_data/order_lines --sandbox --state-dir "$$state"; test $$? -eq 3; } && \
	echo && echo "The demo worked as it should: what was sent has arrived, and what was wrong is listed above."

test: $(TEST)/ready
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/ruff check .
	$(TEST)/bin/mypy
	$(TEST)/bin/lint-imports
	$(TEST)/bin/python -m pytest -n 3  # more than two cores: many tests wait

bench: $(TEST)/ready
	$(TEST)/bin/python -m benchmarks $(ARGS)

MINUTES := 30
torture: $(TEST)/ready
	PYTHONPATH=tests $(TEST)/bin/python -m torture --minutes $(MINUTES) \
		$(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) $(if $(ROUND),--round $(ROUND))

breaks: $(TEST)/ready
	$(TEST)/bin/python tests/breaks

clean:
	rm -rf .venv

# A build from a clean start each time something is installed that is not what was installed before.
$(DEMO)/ready: pyproject.toml $(SOURCES)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with venv, is needed (Debian: apt install python3-venv)." >&2; exit 1; }
	@rm -rf $(DEMO)
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

$(TEST)/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with venv, is needed (Debian: apt install python3-venv)." >&2; exit 1; }
	@rm -rf $(TEST)
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@
