# A newcomer's whole vocabulary: "make help". What a command needs it brings along.

PYTHON3 ?= python3
PORT ?= 8000
export PORT

PYTHON := .venv/bin/python
RUN := .venv/requirements.stamp
TOOLS := .venv/requirements-dev.stamp
# extras that are compiled, with what contrib/install-test-packages brings
COMPILED := .venv/requirements-mysql.stamp .venv/requirements-ldap.stamp
TESTBED := contrib/ganeti-testbed/testbed
KVM_TESTBED := $(TESTBED) --state /var/tmp/ganeti-testbed-kvm
SPHINX := .venv/bin/sphinx-build -E -W --keep-going --quiet docs
BOTH_CORES := -n 2 -p tests.plugins.share_out
# Python without an ending: ruff does not find it by itself
SCRIPTS := $(TESTBED) contrib/check-translations contrib/take-pictures contrib/third-party contrib/soak

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test test-fast bench soak lint docs pictures messages ganeti ganeti-down clean

help: ## says what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUN) ## ganetimgr with simulated clusters, on http://127.0.0.1:8000 (PORT=...); Ctrl-C ends it
	@exec $(PYTHON) manage.py demo

demo-reset: ## forgets what was done in the demo
	rm -rf var/demo

test: $(TOOLS) ## all tests, with real servers, Chromium and real Ganeti; ARGS="tests/clusters -x" goes to pytest
	contrib/install-test-packages
	@$(MAKE) --no-print-directory $(COMPILED)
	contrib/with-real-ganeti $(PYTHON) -m pytest $(BOTH_CORES) $(ARGS)

test-fast: $(TOOLS) ## the tests that need nothing but Python
	$(PYTHON) -m pytest $(BOTH_CORES) -m "not real and not services and not browser" $(ARGS)

bench: $(TOOLS) ## how fast, how large and how frugal it is, as JSON lines (docs/bench.md); ARGS=quick for a minute only
	@$(PYTHON) -m contrib.bench $(ARGS)

soak: $(TOOLS) ## many clicks while everything fails in turn, for 20 minutes; ARGS="--minutes 60"
	contrib/install-test-packages
	@$(PYTHON) contrib/soak $(ARGS)

lint: $(TOOLS) ## style, types, directions of imports, templates, missing migrations and translations, documentation
	.venv/bin/ruff check . $(SCRIPTS)
	.venv/bin/ruff format --check . $(SCRIPTS)
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/djlint --quiet --lint templates
	$(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) contrib/check-translations
	$(PYTHON) contrib/third-party --check
	$(SPHINX) build/docs

docs: $(TOOLS) ## the documentation as pages in build/docs
	@$(SPHINX) build/docs
	@echo build/docs/index.html

pictures: $(TOOLS) ## takes the documentation's pictures anew, from a demo that runs on PORT
	$(PYTHON) contrib/take-pictures --url http://127.0.0.1:$(PORT) $(ARGS)

messages: $(TOOLS) ## brings the Greek catalogue up to date with the texts in code and templates
	contrib/install-packages gettext
	$(PYTHON) manage.py makemessages --locale el --no-wrap --add-location file --ignore .venv --ignore var --ignore tests --ignore contrib
	$(PYTHON) manage.py compilemessages --locale el --ignore .venv

ganeti: ## real Ganeti clusters on this machine (as root), one of them with QEMU, and how to add them
	@mkdir -p var
	@$(TESTBED) up --seed 6 >var/testbed.json
	@$(KVM_TESTBED) up --first 3 --clusters 1 --nodes 1 --hypervisor kvm --seed 4 >var/testbed-kvm.json
	@$(TESTBED) status
	@$(KVM_TESTBED) status

ganeti-down: ## ends them and removes their files
	$(TESTBED) down
	$(KVM_TESTBED) down
	rm -f var/testbed.json var/testbed-kvm.json

clean: ## removes what can be made again; the databases in var/ stay
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment: a stamp for each list of requirements, so that a second call costs nothing

$(RUN): requirements.txt | .venv/bin/pip
	.venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r $<
	@touch $@

$(TOOLS): requirements-dev.txt requirements.txt | .venv/bin/pip
	.venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r $<
	@touch $@ $(RUN)

$(COMPILED): .venv/requirements-%.stamp: requirements/%.txt | .venv/bin/pip
	.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.venv/bin/pip:
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ganetimgr needs Python 3.11 or newer: make PYTHON3=/path/to/it" >&2; exit 1; }
	@$(PYTHON3) -c 'import ensurepip' 2>/dev/null || contrib/install-packages python3-venv
	$(PYTHON3) -m venv .venv
