#!/usr/bin/env bash
# Runs the end-to-end tests in their own stack of compose/ and removes it afterwards.
#
#   ./pants package services/web services/dashboard services/admin/image tests_e2e
#   build_support/containers/test_end_to_end.sh    # IMAGE_PREFIX, IMAGE_TAG: other images
#
# Exit status: that of the tests. If they fail, prints the logs of all containers.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build_support/containers/make_secrets.sh
cd compose
export COMPOSE_PROJECT_NAME=page-tracker-e2e-$$ WEB_PORT=0 SITE=e2e.example
export WEB_IMAGE='' COMPOSE_PROFILES='' # if deploy.py has deployed from this clone, not what it did

clean_up() {
  local status=$?
  # Clean up even if there are no logs.
  ((status == 0)) || docker compose --profile testing logs --no-color --timestamps || true
  docker compose --profile testing down --volumes 2>&1 | tail -n 1
}
trap clean_up EXIT

docker compose run --rm --quiet-pull admin sites add "$SITE" --public

# Compose begins each line with an erase sequence even without a terminal.
docker compose --profile testing up \
  --exit-code-from test-service --attach test-service --no-log-prefix | sed -u $'s/\e\\[2K//'
