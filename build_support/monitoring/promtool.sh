#!/usr/bin/env bash
# Runs promtool, which checks the configuration and the rules of Prometheus.
#
#   build_support/monitoring/promtool.sh check config compose/monitoring/prometheus.yml
#   build_support/monitoring/promtool.sh test rules compose/monitoring/rules_test.yml
#
# Unless it is installed, unpacks it from Debian's packages into the cache of ./pants.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
if ! command -v promtool >/dev/null; then
  [[ -x $cache/prometheus/usr/bin/promtool ]] || unpack_packages "$cache/prometheus" prometheus
  export PATH=$PATH:$cache/prometheus/usr/bin
fi
exec promtool "$@"
