# Everything a contributor needs; `make` alone lists it.

# No cgo: the same static binary on every machine. The race detector alone needs it.
export CGO_ENABLED = 0

BIN     := kubectl-mtls_doctor
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w -X github.com/mtls-doctor/kubectl-mtls-doctor/internal/cli.version=$(VERSION)
FUZZTIME ?= 60s

# Linters and benchstat are pinned in tools/go.mod, away from the product's own dependencies.
TOOL := go tool -modfile=tools/go.mod

# A fingerprint of everything uncommitted.
WORKTREE := { git status --porcelain -uall; git diff; } | git hash-object --stdin

.DEFAULT_GOAL := help
.PHONY: help build install test lint unit generated truth bench fuzz fmt lab e2e oracle labtest record sweep webpages webtest webbench completions release release-snapshot

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build ./bin/kubectl-mtls_doctor
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/$(BIN) ./cmd/kubectl-mtls-doctor

install: build ## install the plugin where kubectl finds it: GOBIN, or GOPATH/bin
	@dir="$$(go env GOBIN)"; dir="$${dir:-$$(go env GOPATH)/bin}"; \
	mkdir -p "$$dir" && install -m 0755 bin/$(BIN) "$$dir/" && echo "installed $$dir/$(BIN)"

# Compilers, the linter and tests collect garbage less often: a sixth of the time of a first run.
test generated lint unit sweep labtest: export GOGC = 400
test: lint generated unit sweep truth webtest ## everything that a change of the product must pass

lint: ## golangci-lint with go vet in it, the rules are in .golangci.yml
	$(TOOL) golangci-lint run --allow-parallel-runners ./...

unit: ## all tests, with the race detector and in random order
	CGO_ENABLED=1 go test -race -vet=off -shuffle=on ./...

sweep: ## the tests of which the race detector takes a part or none, in full: all recordings, all command lines
	go test -vet=off -shuffle=on ./internal/cli ./pkg/bundle ./pkg/envoy ./pkg/handshake ./pkg/report

generated: ## fail when go generate changes a file
	@before=$$($(WORKTREE)); go generate ./... && test "$$before" = "$$($(WORKTREE))" || \
	{ git status --short; echo 'generated files were out of step: commit what go generate wrote'; exit 1; }

truth: ## the verdicts against what really happened, for every recorded mesh
	go test ./pkg/handshake -vet=off -run '^TestTruth$$' -count=1 -v

bench: ## decode throughput, verdicts of a large mesh, start-up time, size of the binary
	go test ./... -run '^$$' -bench . -benchmem

fuzz: ## every fuzz target, FUZZTIME each (60s)
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' cmd internal pkg | \
	while IFS=: read -r file func; do \
		echo "==> $${func#func } in $${file%/*}"; \
		go test "./$${file%/*}" -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) || exit 1; \
	done

completions: build ## the completion scripts that are in an archive of a release
	rm -rf completions && mkdir completions
	for shell in bash zsh fish powershell; do bin/$(BIN) completion $$shell > completions/$(BIN).$$shell || exit 1; done
	bin/$(BIN) completion kubectl > completions/kubectl_complete-mtls_doctor && chmod +x completions/kubectl_complete-mtls_doctor

# goreleaser starts the SBOM's tool by its name and in a folder of its own.
RELEASE = go build -C tools/release -o ../../bin/release/ tool && PATH="$(CURDIR)/bin/release:$$PATH" goreleaser release --clean

release-snapshot: ## the archives, checksums and SBOMs of a release, in dist; nothing is published
	$(RELEASE) --snapshot

release: ## publish the tag of this commit (the workflow does)
	$(RELEASE)

fmt: ## format the code with gofumpt
	$(TOOL) gofumpt -l -w cmd internal pkg

e2e: ## every scenario on a real mesh of this machine (root; lab/README.md)
	go build -C lab -o .work/lab ./cmd/lab && lab/.work/lab e2e

oracle: ## what istiod's own generator makes of generated policies, against ours (lab/oracle)
	go test -C lab/oracle ./...

lab: build ## a real mesh on this machine (root; lab/README.md): builds it, starts it, prints a kubeconfig
	go build -C lab -o .work/lab ./cmd/lab && lab/.work/lab up

labtest: ## lint and unit tests of the lab's own code, which needs no lab that runs
	cd lab && go tool -modfile=../tools/go.mod golangci-lint run --allow-parallel-runners ./...
	go test -C lab -vet=off ./...

# Debian's Chromium, or the one that CHROMIUM names; node and npm come with the system.
webpages:
	@test -n "$(CHROMIUM)" -o -x /usr/bin/chromium || { apt-get update && apt-get install -y --no-install-recommends chromium; }
	npm ci --prefix webtest --no-audit --no-fund
	mkdir -p webtest/pages

webtest: webpages ## the HTML report in a real browser: filters, edges, hostile names, accessibility
	go test ./pkg/report -vet=off -run '^TestPage' -count=1 -pages "$(CURDIR)/webtest/pages"
	cd webtest && node --test

webbench: webpages ## how long a page of 2,000 workloads takes to write and to open
	go test ./pkg/report -run '^$$' -bench '^BenchmarkPage$$' -benchmem -pages "$(CURDIR)/webtest/pages"
	cd webtest && node bench.mjs

# RECORD names the scenarios; those of the fixtures that there are, when not given.
RECORD ?= $(sort $(foreach f,$(wildcard testdata/captures/*.tar.gz),$(firstword $(subst ., ,$(notdir $f)))))

record: lab ## record the meshes of testdata/captures again, in the lab: RECORD="03 62"
	rm -rf lab/.work/captures
	lab/.work/lab truth -out lab/.work/captures $(RECORD)
	go run ./pkg/bundle/internal/trimcapture -o testdata/captures lab/.work/captures/*.tar.gz
