#!/usr/bin/env bash
# Looks for known vulnerabilities in every locked package. Fails if it finds any or cannot look.
#
#   build_support/locks/audit_locks.sh                               # all locks
#   build_support/locks/audit_locks.sh 3rdparty/python/isort.lock    # this one
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -gt 0 ]] || set -- 3rdparty/python/*.lock
status=0
for lock; do
  log "$lock"
  # Without --strict it would skip packages that it cannot look up.
  build_support/locks/run_tool.sh pip-audit --strict --disable-pip --require-hashes \
    --requirement "$lock" --progress-spinner off || status=1
done
exit "$status"
