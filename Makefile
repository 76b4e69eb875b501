# Every target does its own set-up; none needs root. CI calls the same targets.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
DEMO_READY := $(VENV)/.ready-for-demo
TEST_READY := $(VENV)/.ready-for-tests
PIP_OPTIONS := --quiet --disable-pip-version-check --require-hashes
# The tests start hundreds of children, and none of them shall compile its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-contract test-browser test-others test-all campaigns chaos fuzz mutants check docs bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO_READY) ## run the main job end to end on real media, into demo-results/
	@$(RUN) -m infra.local.demo

up: $(DEMO_READY) ## start the same stack in the foreground, with this environment's settings; Ctrl-C stops it
	@$(RUN) -m infra.local.up $(if $(PORT),--port $(PORT))

test: setup ## run the tests, several files at a time: many of them wait
	@$(MAKE) --no-print-directory --jobs=3 test-contract test-browser test-others

# Beside the others: schemathesis makes one test of all its routes where tests are shared out, and the pages share a stack.
test-contract: setup
	@$(BESIDE) $(CONTRACTS) >.local/contract.log 2>&1; code=$$?; cat .local/contract.log; exit $$code
test-browser: setup
	@# Root on Debian gets Chromium where it is missing; others read a line about it.
	@$(RUN) -m infra.local.browser
	@$(BESIDE) tests/browser >.local/browser.log 2>&1; code=$$?; cat .local/browser.log; exit $$code
test-others: setup
	@$(RUN) -m pytest -n 4 --dist loadgroup --no-loadscope-reorder -p no:schemathesis \
		$(foreach each,$(CONTRACTS) tests/browser tests/campaigns,--ignore $(each))
BESIDE := mkdir -p .local; SCHEMATHESIS_LEAST=200 $(RUN) -m pytest -q
CONTRACTS := tests/integration/web/test_contract.py tests/integration/identity/test_contract.py

test-all: test campaigns ## run the tests, then the short runs of the campaigns

campaigns: setup ## short runs of chaos, hostile media and benchmarks
	@$(RUN) -m pytest -n 2 --dist loadfile $(CAMPAIGNS)
CAMPAIGNS := tests/campaigns

check: setup ## lint, format, types, the import contract, stale documents, names, words and translations
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@cd cloud_function && ../$(RUN) -m mypy .
	@$(VENV)/bin/lint-imports --no-logo
	@$(RUN) -m infra.lock --check
	@$(RUN) -m infra.docs --check
	@$(RUN) -m infra.checks.words
	@$(RUN) -m infra.texts --check

docs: setup ## generate the reference pages and build the documentation into .local/site
	@$(RUN) -m infra.docs --site
	@[ -x $(DOCS_TOOLS)/bin/pip ] || $(PYTHON) -m venv $(DOCS_TOOLS)
	@$(DOCS_TOOLS)/bin/pip install $(PIP_OPTIONS) -r infra/docs-requirements.txt
	@$(DOCS_TOOLS)/bin/zensical build --strict && echo "open .local/site/index.html"
DOCS_TOOLS := .local/docs-tools

chaos: setup ## 200 media while everything is killed, frozen, filled and cut off; nothing may be lost or doubled (minutes)
	@$(RUN) -m tests.campaigns.chaos $(if $(SEED),--seed $(SEED))

fuzz: setup ## hostile media and requests by the hundred, each in a known end, nothing else opened or called (minutes)
	@$(RUN) -m tests.campaigns.hostile $(if $(SEED),--seed $(SEED))
	@FUZZ_SEED=$(or $(SEED),1) FUZZ_REQUESTS=1000 SCHEMATHESIS_EXAMPLES=250 SCHEMATHESIS_LEAST=2000 \
		$(RUN) -m pytest -q tests/integration/web/test_hostile_requests.py tests/integration/web/test_contract.py

mutants: setup ## put a sample of faults into jobs/, worker/ and engine/: how many do the tests find? (up to 40 minutes)
	@$(RUN) -m tests.campaigns.mutants

bench: setup ## measure all, each figure beside its aim, into BENCHMARKS.md (long; a quiet machine)
	@mkdir -p $(BENCH)
	@for each in engine confinement overhead preparation stretches photos storage_calls idle state_index scale burst interactive live viewer folder abuse flat streaming collect reports service_times; do \
		$(RUN) -m benchmarks.$$each --json $(BENCH)/$$each.json || exit 1; done
	@$(RUN) -m benchmarks.simulate --times $(BENCH)/service_times.json --json $(BENCH)/simulate.json
	@$(RUN) -m benchmarks.simulate --check --json $(BENCH)/simulate_check.json
	@$(RUN) -m benchmarks.report $(BENCH)
BENCH := .local/bench

.PHONY: audit
audit: setup ## ask PyPI and npm for known holes in the locked packages; says so where they cannot be reached
	@$(RUN) -m infra.checks.audit

.PHONY: image-check
image-check: setup ## check the images and the compose file; builds them where buildah is there and we are root
	@[ -x $(IMAGE_TOOLS)/bin/pip ] || $(PYTHON) -m venv $(IMAGE_TOOLS)
	@$(IMAGE_TOOLS)/bin/pip install $(PIP_OPTIONS) -r infra/images/requirements.txt
	@PATH="$(abspath $(IMAGE_TOOLS))/bin:$$PATH" $(RUN) -m infra.images.check $(IMAGE_CHECK_OPTIONS)
IMAGE_TOOLS := .local/image-tools

.PHONY: infra-check
infra-check: setup .local/infra-tools/.installed ## check the Bicep files, the chart, the scripts and the workflows, without a cloud or a cluster
	@PATH="$(abspath $(INFRA_TOOLS))/bin:$$PATH" $(RUN) -m infra.checks.check
.local/infra-tools/.installed: infra/checks/requirements.txt infra/checks/requirements-helm.txt infra/checks/requirements-azure-types.txt
	@$(PYTHON) -m venv $(INFRA_TOOLS)
	@$(INFRA_TOOLS)/bin/pip install $(PIP_OPTIONS) -r infra/checks/requirements.txt
	@$(INFRA_TOOLS)/bin/pip install $(PIP_OPTIONS) --no-deps --ignore-requires-python --upgrade --target $(INFRA_TOOLS)/helm \
		-r infra/checks/requirements-helm.txt || echo "helm-sdkpy is not made for this machine"
	@$(INFRA_TOOLS)/bin/pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
		--dest $(INFRA_TOOLS)/azure-types -r infra/checks/requirements-azure-types.txt
	@touch $@
INFRA_TOOLS := .local/infra-tools

lock: $(TEST_READY) ## resolve pyproject.toml into uv.lock anew, and export the requirements files
	@$(VENV)/bin/uv lock --quiet $(if $(UPGRADE),--upgrade)
	@$(RUN) -m infra.lock

clean: ## remove everything that the other targets made
	rm -rf $(VENV) .local demo-results openface_lite/models infra/local/node_modules \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache

setup: $(TEST_READY)
	@# Children of the service write no bytecode: what they import would be compiled at each of their starts.
	@$(RUN) -m compileall -q service openface_lite

$(DEMO_READY): infra/set_up.py requirements.txt cloud_function/requirements.txt infra/requirements-setup.txt \
		openface_lite/model_facts.py infra/local/package-lock.json
	@$(PYTHON) infra/set_up.py demo
	@touch $@

$(TEST_READY): $(DEMO_READY) requirements-dev.txt requirements-identity.txt requirements-otel.txt \
		requirements-functions-worker.txt
	@$(PYTHON) infra/set_up.py test
	@touch $@
