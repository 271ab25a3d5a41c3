#!/usr/bin/env bash
# Runs Prometheus, or promtool, which checks its configuration and rules.
#
#   build_support/monitoring/prometheus.sh promtool check config compose/monitoring/prometheus.yml
#   build_support/monitoring/prometheus.sh promtool test rules compose/monitoring/rules_test.yml
#   build_support/monitoring/prometheus.sh prometheus --config.file=FILE
#
# Unless they are installed, unpacks them from Debian's packages into the cache of ./pants.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
(($#)) || usage
if ! command -v "$1" >/dev/null; then
  [[ -x $cache/prometheus/usr/bin/$1 ]] || unpack_packages "$cache/prometheus" prometheus
  export PATH=$PATH:$cache/prometheus/usr/bin
fi
exec "$@"
