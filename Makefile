.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-12s %s\n", $$1, $$2}'

.PHONY: quickstart
quickstart: ## Start the quickstart on 127.0.0.1:8080
	go run ./examples/quickstart

.PHONY: explorer
explorer: ## Start the explorer: every status code as the toolkit answers it
	go run ./examples/explorer

.PHONY: test
test: ## Run the tests of the core
	go test ./...

.PHONY: benchmarks
benchmarks: ## Measure beside the peers, on a quiet machine, and write the report
	cd internal/benchmarks && go run .

.PHONY: soak
soak: ## Serve mixed traffic among faults for two minutes, and look what is left
	cd internal/soak && go run .

MUTATE ?= decoder limiter exchange
.PHONY: mutation
mutation: ## Break decoder, limiter and exchange on purpose, and list what no test notices
	go run ./internal/mutation $(MUTATE)

.PHONY: check
check: ## Run everything that has to pass before a change lands
	bash .ci/run

FUZZTIME ?= 30s
.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s)
	bash .ci/fuzz $(FUZZTIME)

.PHONY: newest
newest: ## Test each module with the newest releases of what it depends on, then put go.mod back
	@for m in $$(git ls-files go.mod '*/go.mod' | xargs -n1 dirname); do \
		echo "$$m"; (cd $$m && go get -t -u ./... && go mod tidy && go test ./...) || exit 1; \
	done
	git checkout -- $$(git ls-files go.mod go.sum '*/go.mod' '*/go.sum')

.PHONY: vulnerabilities
vulnerabilities: ## Look for known vulnerabilities in what is called
	bash .ci/vulnerabilities
