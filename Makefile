# The commands of the project. `make` alone lists them.

.PHONY: help build run test fmt bench
help: ## list these commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build the program into bin/sq
	go build -o bin/sq ./cmd/sq

fmt: ## format the sources
	gofmt -w .

test: ## all checks and tests, with the race detector
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go test -race ./...

bench: ## the benchmarks of the packages
	go test -run '^$$' -bench . ./...
