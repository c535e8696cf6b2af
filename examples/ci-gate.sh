#!/bin/sh
# A gate for a pipeline: fails when mutual TLS of a namespace breaks in a way that it did not
# yesterday. The first run, without a baseline, fails for everything that is broken.
#
#   ci-gate.sh NAMESPACE [BASELINE.json]
set -eu
namespace=$1
baseline=${2:-}

# Exit codes: 3 findings, 4 evidence is missing; both stop the pipeline.
kubectl mtls-doctor -n "$namespace" --fail-on error ${baseline:+--baseline "$baseline"} \
	-o table -o junit=mtls.xml -o sarif=mtls.sarif -o json=mtls.json
