#!/usr/bin/env bash
# Runs a tool of the scripts; installs it from its lock on first use and checks all hashes.
#
#   build_support/locks/run_tool.sh zizmor --help     # 3rdparty/python/zizmor.lock
#   build_support/locks/run_tool.sh --path zizmor     # prints where it is
#
# Needs Python 3.11 or newer, BuildGrid 3.13. Installs into the cache of ./pants.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
action="exec"
[[ ${1:-} != --path ]] || { action="echo" && shift; }
[[ $# -gt 0 ]] || usage
name=$1
lock=3rdparty/python/$name.lock
[[ -e $lock ]] || die "there is no $lock"
version=$(cksum <"$lock")
install=$cache/tools/$name-${version%% *}
if [[ ! -e $install/done ]]; then
  log "installing $name"
  python=python3
  [[ $name != buildgrid ]] || python=$(build_support/cache/find_python.sh)
  rm -rf "$install"
  "$python" -m venv "$install"
  # The user may have configured pip to install elsewhere.
  PIP_USER=0 "$install/bin/python" -m pip install --quiet --disable-pip-version-check \
    --only-binary :all: --require-hashes --requirement "$lock" >&2
  touch "$install/done"
fi
"$action" "$install/bin/$name" "${@:2}"
