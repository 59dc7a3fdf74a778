# make demo    simulate two participants, find their lesions, compare with the truth
# make test    run the tests that need nothing but this checkout and eleven minutes
# make faults  kill, fill, spoil and fuzz for up to 45 minutes, and write docs/reliability.md
# make lint    ruff, codespell, mypy
# make docs    the manual, in docs/_build/html

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test faults lint docs clean

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python bench/demo.py demo

test: $(VENV)/.installed
	$(BIN)/pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder -m 'not shared and not long and not browser and not slurm' --durations 12

faults: $(VENV)/.installed
	PYTHONPATH=bench $(BIN)/python -m faults --json faults.json --page docs/reliability.md

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

docs: $(VENV)/.installed
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf $(VENV) demo docs/_build build dist *.egg-info
