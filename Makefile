# `make demo` and `make test` are all a newcomer needs: each sets up what it uses.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Processes of `make test`; each has servers of its own.
JOBS   ?= 2

.PHONY: setup demo test faults bench profile lint format lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --quiet --disable-pip-version-check install uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	$(BIN)/barline warm
	touch $(STAMP)

demo: setup
	$(BIN)/barline demo $(ARGS)

test: setup
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

faults: setup
	$(BIN)/python -m tests.faults $(ARGS)

bench: setup
	$(BIN)/python -m tests.benchmarks $(ARGS)

profile: setup
	$(BIN)/python -m tests.benchmarks.profile $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--all-extras pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) .barline build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
