#!/usr/bin/env bash
# Checks that a deployment serves at its public address. Counts no view.
#
#   build_support/deploy/smoke_test.sh https://tracker.example
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 1 && $1 == http* ]] || usage

# Fails unless the page $1 has the text $2.
check() {
  local page
  page=$(curl --fail --silent --show-error --max-time 10 "$1") || die "$1 does not answer"
  [[ $page == *"$2"* ]] || die "$1 does not say $2"
  log "$1 answers"
}

check "${1%/}/readyz" '"ready":true'
check "${1%/}/tracker.js" /api/v1/views
