#!/usr/bin/env bash
# Runs the end-to-end tests inside a stack of compose/, made for them and removed afterwards.
#
#   ./pants package services/web tests_e2e
#   build_support/containers/test_end_to_end.sh    # IMAGE_PREFIX, IMAGE_TAG: other images
#
# Exit status: that of the tests. If it is not 0, what all containers logged is printed too.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
cd compose
export COMPOSE_PROJECT_NAME=page-tracker-e2e-$$ WEB_PORT=0

clean_up() {
  local status=$?
  ((status == 0)) || docker compose --profile testing logs --no-color --timestamps || true
  docker compose --profile testing down --volumes 2>&1 | tail -n 1
}
trap clean_up EXIT

# Compose begins each line with a sequence that erases it, also where no terminal reads it.
docker compose --profile testing up \
  --exit-code-from test-service --attach test-service --no-log-prefix | sed -u $'s/\e\\[2K//'
