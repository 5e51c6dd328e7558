# Every command a person needs. `make` alone explains them.

CARGO ?= cargo
# What `make run` passes on, for instance: make run ARGS="--https 127.0.0.1:9443 --data /tmp/dialtone"
ARGS ?=

.PHONY: help run test lint ci bench golden clean-data

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

run: ## Build and start everything, with a demonstration on an empty data folder
	$(CARGO) run --bin dialtone -- demo $(ARGS)

test: ## All tests: units, properties, contracts, and the system as its users see it
	$(CARGO) test --workspace --no-fail-fast

lint: ## Formatting and clippy, warnings refused
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

ci: lint test ## What is checked before a change lands

bench: ## How fast, measured against nginx in the same run, and what guessing codes tells and costs
	tests/tools/install nginx
	$(CARGO) build --release --bin dialtone --bin load
	target/release/load

golden: ## Rewrite the golden files; review the diff
	UPDATE_GOLDEN=1 $(CARGO) test --workspace --no-fail-fast

clean-data: ## Forget the demonstration: delete the data folder
	rm -rf data
