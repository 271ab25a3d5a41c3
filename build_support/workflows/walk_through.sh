#!/usr/bin/env bash
# Takes a change through ci.yml with run_workflow.sh, in clones of the last commit. A branch changes
# the emoji of the error page, and a stale test fails in CI. With fixed tests CI passes. The branch
# is merged, and its image is published and answers. try_deploy.sh deploys it. If SLOW_TESTS is
# "some", it is not deployed, and CI sees the fixed tests only when the branch is merged.
#
#   build_support/workflows/walk_through.sh    # needs a Docker engine and the base images
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

scratch=$(mktemp -d)
runs=()
clean_up() {
  [[ ! ${runs[*]} ]] || kill "${runs[@]}" 2>/dev/null || true # they may have ended
  wait
  [[ ! ${container:-} ]] || docker rm --force "$container" >/dev/null
  untag_images '127.0.0.1:*/somebody/*'
  build_support/containers/stop_registry.sh
  rm -rf "$scratch"
}
trap clean_up EXIT

# Runs ci.yml in the clone $1 for the event $2; expects the result $3 and $4 in the output.
start() {
  local found=green
  "$scratch/$1/build_support/workflows/run_workflow.sh" "$2" >"$scratch/$1.log" 2>&1 || found=red
  [[ $found == "$3" ]] && grep -q "$4" "$scratch/$1.log"
}

# Waits for the run in the clone $1, process $2, and shows its output.
finish() {
  if wait "$2"; then
    grep -E '🏁|Summary|because|is needed' "$scratch/$1.log"
  else
    cat "$scratch/$1.log"
    die "this run did not end as expected"
  fi
}

# Edits files in the clone $1 with the sed script $2 and commits them.
commit() {
  (cd "$scratch/$1" && sed -i "$2" "${@:3}" && git commit --quiet --all --message="$2")
}

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null # ignore the user's settings
export GIT_AUTHOR_NAME=somebody GIT_AUTHOR_EMAIL=somebody@host.example
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
base=$(git rev-parse HEAD)
git clone --quiet --bare . "$scratch/origin"
git -C "$scratch/origin" branch --force main "$base"
git clone --quiet --branch main "$scratch/origin" "$scratch/changed"
commit changed 's/{PENSIVE FACE}/{CRYING FACE}/' services/web/app.py
cp -a "$scratch/changed" "$scratch/mended"
commit mended 's/{PENSIVE FACE}/{CRYING FACE}/; s/😔/😢/' \
  services/web/app_test.py compose/testing.py
git clone --quiet --branch main "$scratch/origin" "$scratch/merged"
git -C "$scratch/merged" pull --quiet --no-ff --no-edit "$scratch/mended" HEAD
commit=$(git -C "$scratch/merged" rev-parse HEAD)

# For main, the base is the last commit that passed.
export ACT_REGISTRY
ACT_REGISTRY=$(build_support/containers/start_registry.sh)
store=$scratch/merged/.cache/act
mkdir -p "$store/cache/passed-$base"
echo "$base" >"$store/cache/passed-$base/commit"

passed="all that is needed has succeeded"
slow_tests=${SLOW_TESTS-all}
# Tests of the stack, slow ones and those in browsers are left out: the stage "code" has run them,
# and three runs at once would disturb their measurements of time.
export BROWSER_TESTS='' SLOW_TESTS='' STACK_TESTS=''
start changed pull_request red "FAILED.*services/web/app_test.py" &
runs+=($!)
start merged push green "$passed" &
runs+=($!)
if [[ $slow_tests == all ]]; then
  start mended pull_request green "$passed" &
  runs+=($!)
fi

log "a branch changes the emoji"
finish changed "${runs[0]}"
if [[ $slow_tests == all ]]; then
  log "its stale tests are fixed"
  finish mended "${runs[2]}"
fi
log "it is merged"
finish merged "${runs[1]}"
runs=()

log "the published image answers"
image=$(head -n 1 "$store/attestations" | cut -d' ' -f1)
revision='{{index .Config.Labels "org.opencontainers.image.revision"}}'
[[ $(docker image inspect --format "$revision" "$image") == "$commit" ]] ||
  die "$image was not made from $commit"
container=$(docker run --detach --env REDIS_URL=redis://127.0.0.1:1 \
  --publish 127.0.0.1::8000 "$image")
address=$(docker port "$container" 8000)
wait_until 30 curl --silent --noproxy "*" "http://$address/livez" || die "$image does not answer"
page=$(curl --silent --noproxy "*" "http://$address")
echo "$page"
[[ $page == *😢* ]] || die "$image does not say what it should"

[[ $slow_tests != all ]] || build_support/workflows/try_deploy.sh "$image"
