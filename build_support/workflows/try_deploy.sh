#!/usr/bin/env bash
# Deploys a published image with deploy.yml, through a real sshd, to a stack of its own; rolls back
# with roll_back.yml; and checks that an image that crashes is not deployed. No view may be lost.
#
#   build_support/workflows/try_deploy.sh 127.0.0.1:PORT/somebody/page-tracker-web@sha256:…
#
# The image is in a registry that start_registry.sh has started. IMAGE_TAG selects the images with
# which the stack starts.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 1 ]] || usage
image=$1 repository=${1%@*}
scratch=$(mktemp -d)
host=$scratch/host
compose() { (cd "$host/compose" && docker compose "$@"); }
clean_up() {
  [[ ! ${server:-} ]] || kill "$server" 2>/dev/null || true # it may have ended
  [[ ! -e $host/compose/.env ]] || compose --profile "*" down --volumes --timeout 0 2>&1 | tail -n 1
  [[ ! ${crashes:-} ]] || docker image rm --force "$crashes" >/dev/null
  rm -rf "$scratch"
}
trap clean_up EXIT

git clone --quiet . "$host"
mkdir "$scratch/ssh"
cat >"$host/compose/.env" <<EOF
COMPOSE_PROJECT_NAME=page-tracker-deploy-$$
WEB_PORT=0
IMAGE_TAG=${IMAGE_TAG:-latest}
EOF
"$host/build_support/containers/make_secrets.sh" 2>/dev/null
build_support/deploy/serve_ssh.sh "$scratch/ssh" \
  "$host/build_support/deploy/remote.py $repository --by github --watch 1" &
server=$!
# On a busy machine, a service may be called unhealthy before it is ready.
wait_until 120 compose up --detach --wait --quiet-pull || die "$(compose up --detach --wait 2>&1)"

export ACT_STORE=$scratch/store DEPLOY_IMAGE=$repository
mkdir "$ACT_STORE"
DEPLOY_URL=http://$(compose port gateway-service 8000)
DEPLOY_KEY=$(cat "$scratch/ssh/key")
DEPLOY_KNOWN_HOSTS=$(cat "$scratch/ssh/known_hosts")
DEPLOY_HOST=$(cat "$scratch/ssh/address")
export DEPLOY_URL DEPLOY_KEY DEPLOY_KNOWN_HOSTS DEPLOY_HOST

# Runs the workflow $2 with the inputs from $4; expects the result $1 and $3 in the output.
run() {
  local found=green
  build_support/workflows/run_workflow.sh workflow_dispatch "$2" "${@:4}" \
    >"$scratch/log" 2>&1 || found=red
  if ! [[ $found == "$1" ]] || ! grep -q "$3" "$scratch/log"; then
    cat "$scratch/log"
    compose logs --tail 20
    die "$2 did not end as expected"
  fi
  grep -E '🏁|  \| [a-z ]+( …|:)' "$scratch/log" || true
}

# Expects that $1 serves, and that views go on from the last number. The smoke test counts some.
seen=0
expect() {
  local page number
  page=$(curl --silent --fail "$DEPLOY_URL/")
  number=$(sed -n 's/.* \([0-9]*\) times.*/\1/p' <<<"$page")
  ((number > seen)) || die "after view $seen, the page says: $page"
  seen=$number
  build_support/deploy/run_on_host.sh status >"$scratch/status"
  grep -q "100 %.*, $1$" "$scratch/status" || die "$1 does not serve: $(cat "$scratch/status")"
}

before=page-tracker-web:${IMAGE_TAG:-latest}
expect "$before"
echo "$image " >"$ACT_STORE/attestations"
log "deploy.yml deploys $image"
run green deploy.yml "/readyz answers" digest="${image#*@}"
expect "$image"
log "roll_back.yml brings back $before"
run green roll_back.yml "/readyz answers"
expect "$before"

log "an image that crashes is not deployed"
export DOCKER_CONFIG=$scratch/docker
docker login --username somebody --password-stdin "${repository%%/*}" \
  <<<"not-a-secret" >/dev/null 2>&1
crashes=$(printf 'FROM %s\nENTRYPOINT ["false"]\n' "$image" |
  docker build --quiet --tag "$repository:crashes" -)
docker image push --quiet "$repository:crashes" >/dev/null
digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$crashes")
digest=${digest#*@}
echo "$repository@$digest " >>"$ACT_STORE/attestations"
unset DOCKER_CONFIG
run red deploy.yml "| start: " digest="$digest"
expect "$before"
