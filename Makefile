# The commands of the project. `make` alone lists them.

# How long each fuzz target runs.
FUZZTIME = 10s

# How often, how long, and which rows are measured; -list lists them.
ROUNDS = 7
SECONDS = 3
ONLY =

# How long the soak takes.
SOAK = 2m

# How often the server is killed.
KILLS = 1000

# How many outcomes of a loss of power are looked at, from which seed on.
IMAGES = 5000000
SEED = 1

.PHONY: help build run test fmt bench microbench fuzz soak kill crash mutations systems
help: ## list these commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build the program into bin/sq
	go build -o bin/sq ./cmd/sq

run: ## serve the example on port 1337
	go run ./cmd/sq host 1337 --config examples/tenants.json

fmt: ## format the sources
	gofmt -w .

test: ## all checks and tests, with the race detector
	@files=$$(gofmt -l .) && test -z "$$files" || { echo "not formatted, make fmt does it:"; echo "$$files"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go run scripts/systems.go darwin freebsd windows
	GORACE=atexit_sleep_ms=0 go test -vet=off -race ./...
	go test -vet=off ./internal/disk ./internal/journal ./phext -run 'Every|Fails|Images|Model|Sweep'
	go test -vet=off ./cmd/sq -run Allocations

systems: ## build for other systems, which make test looks at only as far as types tell
	@for system in darwin freebsd windows; do echo "for $$system"; GOOS=$$system go build ./... || exit 1; done

bench: ## how fast SQ is, beside the limit of the machine and beside others, into doc/performance.md (ROUNDS=7 SECONDS=3 ONLY=)
	go build -o bin/measure ./bench
	bin/measure -rounds $(ROUNDS) -seconds $(SECONDS) -only '$(ONLY)'

microbench: ## the benchmarks of the packages
	go test -run '^$$' -bench . ./...

fuzz: ## each fuzz target for a while (FUZZTIME=10s)
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$package || exit 1; \
		done; \
	done

soak: ## the server under all kinds of load for a while (SOAK=2m): memory, descriptors and goroutines stay flat
	go test -c -o bin/soak.test ./cmd/sq
	cd cmd/sq && ../../bin/soak.test -test.run '^TestSoak$$' -test.v -test.timeout 0 -soak $(SOAK)

kill: ## kill the server under load again and again (KILLS=1000)
	go test ./cmd/sq -run TestKill -kills $(KILLS) -timeout 0 -v

crash: ## lose power at each file operation of many workloads (IMAGES=5000000 SEED=1)
	go test ./internal/disk -run TestImages -images $(IMAGES) -seed $(SEED) -timeout 0 -v
	go test ./internal/disk -run 'TestEvery|TestFails' -seeds 100 -seed $(SEED) -timeout 0 -v
	SQ_MODEL=big go test ./internal/disk -run TestModel -timeout 0 -v

mutations: ## break the engine in each way that a test must find out
	go test . -run TestMutations -mutations -timeout 0 -v
