# Every command a person needs. `make` alone explains them.

CARGO ?= cargo
# What `make run` passes on, for instance: make run ARGS="--https 127.0.0.1:9443 --data /tmp/dialtone"
ARGS ?=
# The tests of the system that depend most on how services are spread and on what keeps their data; `make test` runs these
# in every combination, `make matrix` runs all.
MOST_DEPENDENT = journeys::redirect journeys::tenancy journeys::branches codes::race codes::redeeming \
	faults::services faults::postgres faults::certificates faults::clock faults::disk faults::histories

.PHONY: help run test matrix lint ci bench golden clean-data

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

run: ## Build and start everything, with a demonstration on an empty data folder
	$(CARGO) run --bin dialtone -- demo $(ARGS)

test: ## All tests: units, properties, contracts, and the system as its users see it
	$(CARGO) test --workspace --no-fail-fast
	for where in distributed/sqlite embedded/postgres distributed/postgres; do \
		DIALTONE_TEST_SHAPE=$${where%/*} DIALTONE_TEST_DATABASE=$${where#*/} \
		$(CARGO) test -p system-tests --test it --no-fail-fast -- $(MOST_DEPENDENT) || exit 1; \
	done

matrix: ## All tests of the system in one process and in five, on SQLite and on PostgreSQL
	for shape in embedded distributed; do for database in sqlite postgres; do \
		DIALTONE_TEST_SHAPE=$$shape DIALTONE_TEST_DATABASE=$$database \
		$(CARGO) test -p system-tests --test it --no-fail-fast -- --skip structure:: --skip readme:: || exit 1; \
	done; done

lint: ## Formatting and clippy, warnings refused
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

ci: lint test ## What is checked before a change lands

bench: ## How fast, measured against nginx in the same run, what counting and guessing tell, and cost
	tests/tools/install nginx sqlite3 initdb
	$(CARGO) build --release --bin dialtone --bin load
	target/release/load

golden: ## Rewrite the golden files; review the diff
	UPDATE_GOLDEN=1 $(CARGO) test --workspace --no-fail-fast

clean-data: ## Forget the demonstration: delete the data folder
	rm -rf data
