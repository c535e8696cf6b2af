#!/bin/sh
# give Deployment shop/migration-vlegacy a proxy
# Risk: its pods restart; its own calls then follow the mesh's policies too; refused are then legacy/naked, shop/hlmix-out
set -eu
kubectl --context prod -n shop patch deployment migration-vlegacy --type=json -p '[{"op":"remove","path":"/spec/template/metadata/labels/sidecar.istio.io~1inject"}]'
