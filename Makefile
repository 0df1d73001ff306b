# make test | make book [PROFILE=quick] | make check | make lab      PYTHON=python3.11 chooses the interpreter for .venv
SHELL := /bin/bash
PROFILE ?= quick
SEED ?= 0
DEVICE ?= auto
PYTHON ?=
VENV := .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))

.PHONY: help test book check lab
.DELETE_ON_ERROR:

help:
	@echo "make test                  run the tests"
	@echo "make book [PROFILE=quick]  run the chapters and build the site (PROFILE, SEED, DEVICE)"
	@echo "make check                 read the site of make book in Chromium and say what is wrong with it"
	@echo "make lab                   open the chapters in JupyterLab"
	@echo "Each makes $(VENV) first when that is needed."

test: $(READY)
	$(RUN) -m pytest

book: $(READY)
	$(RUN) -m perfclone_lab.book --profile $(PROFILE) --seed $(SEED) --device $(DEVICE) --build build

check: $(READY)
	$(RUN) -m pytest tests/site

lab: $(READY)
	$(RUN) -m jupyterlab --notebook-dir=book

# torch comes first and alone: asked for by its version only, pip takes the build that fits the machine, and the rest keeps it.
$(READY): pyproject.toml constraints.txt
	@if ! $(RUN) -c '$(SUITABLE)' 2>/dev/null; then \
	  for name in $(or $(PYTHON),python3.11 python3.12 python3 python); do \
	    if command -v "$$name" >/dev/null && "$$name" -c '$(SUITABLE)' 2>/dev/null; then found="$$name"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "perfclone needs Python 3.11 or 3.12 and found neither; install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	  fi; \
	  echo "making $(VENV) with $$found"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	$(PIP) install --quiet "$$(grep '^torch==' constraints.txt)"
	$(PIP) install --quiet -c constraints.txt -e '.[test,lab]'
	@$(RUN) -c 'import cv2' || { echo "OpenCV can't be loaded; if the line above names libGL or libgthread, install them: sudo apt-get install libgl1 libglib2.0-0" >&2; exit 1; }
	@touch $@
