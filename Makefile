# make book   run every page at its smallest scale, then build the book         (first time: sets everything up)
#             RECORDS=own (or a folder): from your own records, into _build/own
# make test   the tests, every page against its committed outputs, ruff, mypy
# make html   build the book from the committed outputs, in seconds
# make pages  run the pages whose outputs are out of date, in place
# make look   the built book in headless Chromium: accessibility, links, things cut off, pictures in _build/look
# make pdf    the built book as one PDF, _build/book.pdf
# make bench time the library against its peers, write the README's table   (NAME=knn: only that one)
# make lock   choose new versions of the dependencies (see CONTRIBUTING.md)
# make clean  remove what was built (not .venv)

# The first of these that is new enough; or name one: make PYTHON=/path/to/python3
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
  $(shell $(p) -c '$(NEW_ENOUGH)' 2>/dev/null && echo $(p)))),python3)
JOBS ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
UV := 0.13.9
BIN := .venv/bin

# The environment is ready when it was made from this lock, these settings and this installer.
READY := .venv/ready-$(firstword $(shell cat requirements.txt pyproject.toml Makefile | cksum))

.PHONY: book test html pages look pdf bench lock clean setup
.DELETE_ON_ERROR:

book: LIVE := _build/$(if $(RECORDS),own,live)
book: $(READY)
	@$(if $(RECORDS),rm -rf _build/own/data)
	$(BIN)/python -m ssllib pages --jobs $(JOBS) --into $(LIVE) --records "$(or $(RECORDS),book)"
	$(call build,$(LIVE))
	@$(BIN)/python -m ssllib status --summary --records "$(or $(RECORDS),book)"
	@echo "The book: file://$(CURDIR)/$(LIVE)/_build/html/index.html"

# All three checks run, whatever the first ones say; pytest speaks last.
test: $(READY)
	@status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/mypy || status=1; \
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope --max-worker-restart 1 --nbval || status=1; \
	exit $$status

html: $(READY)
	@$(BIN)/python -m ssllib pages --check || echo "Building from the outputs as they are; see the lines above."
	$(call build,.)
	@echo "The book: file://$(CURDIR)/_build/html/index.html"

pages: $(READY)
	$(BIN)/python -m ssllib pages --stale --jobs $(JOBS)

look: $(READY)
	$(BIN)/python -m ssllib look

pdf: $(READY)
	$(BIN)/python -m ssllib pdf

bench: $(READY)
	$(BIN)/python -m benchmarks $(NAME)

lock: $(READY)
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --no-emit-index-url \
	  pyproject.toml -o requirements.txt

clean:
	rm -rf _build .smoke .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

setup: $(READY)

$(READY):
	@$(PYTHON) -c '$(NEW_ENOUGH)' || \
	  { echo "This needs Python 3.11 or newer, which $(PYTHON) is not: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up .venv (about 6 GB with PyTorch; two minutes on a fast line) ..."
	$(BIN)/python -c 'import sys' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt || \
	  $(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@rm -f .venv/ready-* && touch $@

# Warnings are errors; `--all`, because an incremental build would not repeat them.
define build
@mkdir -p _build
@echo "Building the book ..."
@$(BIN)/jupyter-book build $(1) --all -W -n --keep-going -q > _build/log.txt 2>&1 || { cat _build/log.txt; exit 1; }
endef
