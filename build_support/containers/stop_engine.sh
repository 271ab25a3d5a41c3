#!/usr/bin/env bash
# Stops the Docker engine that start_engine.sh started, and no other.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
stop_process "$root/.cache/engine/dockerd.pid" dockerd
