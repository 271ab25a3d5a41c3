#!/usr/bin/env bash
# Stops the registry that start_registry.sh has started, and forgets what it holds.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
stop_process "$root/.cache/registry/pid" docker-registry
rm -rf "$root/.cache/registry/data"
