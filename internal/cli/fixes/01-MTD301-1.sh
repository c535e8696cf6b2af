#!/bin/sh
# remove the tls block and what would be empty without it from DestinationRule shop/server, so that auto mTLS decides per endpoint
set -eu
kubectl --context prod -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'
