#!/usr/bin/env bash
# Runs a workflow for the last commit on this machine instead of on GitHub.
#
#   build_support/workflows/run_workflow.sh pull_request    # to main: the change since origin/main
#   build_support/workflows/run_workflow.sh push            # to main; publishes to a temporary
#                                                           # registry
#   build_support/workflows/run_workflow.sh workflow_dispatch deploy.yml digest=sha256:…
#
# Without the name of a workflow, runs ci.yml. stand_ins/ replaces GitHub's actions and gh, and
# $ACT_STORE (.cache/act) its caches and artifacts. Set ACT_REGISTRY to use a registry that already
# runs, and BROWSER_TESTS, SLOW_TESTS or STACK_TESTS to an empty string to skip such tests. It takes
# the settings DEPLOY_… of docs/delivery.md from the environment. Exit status: that of the run.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -gt 0 ]] || usage
event=$1 workflow=${2:-ci.yml}
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
if [[ $workflow == ci.yml && ! ${ACT_REGISTRY:-} ]]; then
  ACT_REGISTRY=$("$containers/start_registry.sh")
  started_registry=yes
fi
python3 - "${@:3}" >"$scratch/event" <<'EOF'
import json, sys
pull_request = {"number": 1, "base": {"ref": "main"}, "head": {"ref": "change"}}
inputs = dict(option.split("=", 1) for option in sys.argv[1:])
print(json.dumps({"pull_request": pull_request, "inputs": inputs}))
EOF

# uses: OWNER/NAME[/PATH]@COMMIT → OWNER/NAME@COMMIT=DIRECTORY
replacements=() stand_ins=$root/build_support/workflows/stand_ins
while IFS=@ read -r action commit; do
  repository=$(cut -d/ -f1-2 <<<"$action")
  [[ $repository == actions/checkout ]] || # act implements it
    replacements+=(--local-repository "$repository@$commit=$stand_ins/${repository#*/}")
done < <(sed -nE 's/^ *-? *uses: (actions\/[^ ]+).*/\1/p' \
  .github/workflows/*.yml .github/actions/*/action.yml | sort -u)

options=()
for name in DEPLOY_IMAGE DEPLOY_HOST DEPLOY_KNOWN_HOSTS DEPLOY_URL; do
  options+=(--var "$name=${!name:-}")
  export -n "${name?}" # the job gets it from GitHub alone
done
[[ ! -v DEPLOY_KEY ]] || options+=(--secret DEPLOY_KEY)

act=$(build_support/locks/run_tool.sh --path act)
PATH=$stand_ins/bin:$PATH XDG_CACHE_HOME=$scratch \
  "$act" "$event" --workflows ".github/workflows/$workflow" \
  --eventpath "$scratch/event" --platform ubuntu-latest=-self-hosted --pull=false \
  "${replacements[@]}" --env ACT_STORE="$ACT_STORE" --env XDG_CACHE_HOME="${cache%/*}" \
  --env IMAGE_PREFIX="$image_prefix" \
  ${BROWSER_TESTS+--env BROWSER_TESTS="$BROWSER_TESTS"} \
  ${SLOW_TESTS+--env SLOW_TESTS="$SLOW_TESTS"} ${STACK_TESTS+--env STACK_TESTS="$STACK_TESTS"} \
  --var REGISTRY="${ACT_REGISTRY:-}" "${options[@]}" \
  --secret DOCKERHUB_USERNAME=somebody --secret DOCKERHUB_TOKEN=not-a-secret </dev/null
