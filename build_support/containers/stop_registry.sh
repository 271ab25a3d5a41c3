#!/usr/bin/env bash
# Stops the registry that start_registry.sh started and deletes its data.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
stop_process "$root/.cache/registry/pid" docker-registry
rm -rf "$root/.cache/registry/data"
