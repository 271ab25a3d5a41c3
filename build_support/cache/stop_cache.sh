#!/usr/bin/env bash
# Stops the build cache that start_cache.sh started in a directory. Keeps its results.
#
#   build_support/cache/stop_cache.sh DIRECTORY
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 1 ]] || usage
pid=$(cat "$1/pid" 2>/dev/null) || pid=
name=$(cat "$1/name" 2>/dev/null) || name=bgd
if [[ $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "$name" ]]; then
  kill "$pid"
  # BuildGrid waits long for idle connections. A blob that it has not finished has a wrong hash, so
  # clients do not take it.
  wait_until 5 has_ended "$pid" || kill -KILL "$pid" 2>/dev/null || true
fi
stop_process "$1/pid" "$name"
stop_process "$1/redis.pid" valkey-server
