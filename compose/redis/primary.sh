#!/bin/sh
# Prints the name of the primary, if at least two of the three Sentinels name the same one. One
# alone may not have heard of the last failover. swarm.yaml has this as redis-primary.
set -eu
for sentinel in sentinel-1 sentinel-2 sentinel-3; do
  timeout 2 redis-as sentinel-client -h "$sentinel" -p 26379 \
    sentinel get-master-addr-by-name page-tracker 2>/dev/null | head -n 1
done | sort | uniq -d | grep .
