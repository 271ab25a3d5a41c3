#!/usr/bin/env bash
# Runs ci.yml for the last commit on this machine instead of on GitHub.
#
#   build_support/workflows/run_workflow.sh pull_request    # to main: the change since origin/main
#   build_support/workflows/run_workflow.sh push            # to main; publishes to a temporary
#                                                           # registry
#
# stand_ins/ replaces GitHub's actions, and $ACT_STORE (.cache/act) its caches and artifacts.
# Set ACT_REGISTRY to use a registry that already runs, and BROWSER_TESTS, SLOW_TESTS or STACK_TESTS
# to an empty string to skip such tests. Exit status: that of the run.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 1 ]] || usage
event=$1
containers=build_support/containers
export ACT_STORE=${ACT_STORE:-$PWD/.cache/act}
mkdir -p "$ACT_STORE"
scratch=$(mktemp -d)
started_registry=
image_prefix=act-$$/
# Jobs leave Pants daemons behind, which run in $scratch and may end at any time.
clean_up() {
  local process
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/cwd") != "$scratch"/* ]] || kill "${process#/proc/}" || true
  done 2>/dev/null
  untag_images "$image_prefix*" || true # there may be no engine
  [[ ! $started_registry ]] || "$containers/stop_registry.sh"
  rm -rf "$scratch"
}
trap clean_up EXIT
if [[ ! ${ACT_REGISTRY:-} ]]; then
  ACT_REGISTRY=$("$containers/start_registry.sh")
  started_registry=yes
fi
cat >"$scratch/event" <<'EOF'
{"pull_request": {"number": 1, "base": {"ref": "main"}, "head": {"ref": "change"}}}
EOF

# uses: OWNER/NAME[/PATH]@COMMIT → OWNER/NAME@COMMIT=DIRECTORY
replacements=() stand_ins=$root/build_support/workflows/stand_ins
while IFS=@ read -r action commit; do
  repository=$(cut -d/ -f1-2 <<<"$action")
  [[ $repository == actions/checkout ]] || # act implements it
    replacements+=(--local-repository "$repository@$commit=$stand_ins/${repository#*/}")
done < <(sed -nE 's/^ *-? *uses: (actions\/[^ ]+).*/\1/p' \
  .github/workflows/ci.yml .github/actions/*/action.yml | sort -u)

act=$(build_support/locks/run_tool.sh --path act)
XDG_CACHE_HOME=$scratch "$act" "$event" --workflows .github/workflows/ci.yml \
  --eventpath "$scratch/event" --platform ubuntu-latest=-self-hosted --pull=false \
  "${replacements[@]}" --env ACT_STORE="$ACT_STORE" --env XDG_CACHE_HOME="${cache%/*}" \
  --env IMAGE_PREFIX="$image_prefix" \
  ${BROWSER_TESTS+--env BROWSER_TESTS="$BROWSER_TESTS"} \
  ${SLOW_TESTS+--env SLOW_TESTS="$SLOW_TESTS"} ${STACK_TESTS+--env STACK_TESTS="$STACK_TESTS"} \
  --var REGISTRY="$ACT_REGISTRY" \
  --secret DOCKERHUB_USERNAME=somebody --secret DOCKERHUB_TOKEN=not-a-secret </dev/null
