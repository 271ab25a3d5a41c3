# shellcheck shell=bash
# What the scripts of build_support share. Each begins with
#
#   source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
#
# and then works in the root of the repository, with the cache of ./pants in $cache.
# shellcheck disable=SC2034  # its variables are for those who source it
set -euo pipefail
script=$(cd "$(dirname "$0")" && pwd -P)/${0##*/}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$(pwd -P)
# The standard says that a relative path is to be ignored.
[[ ${XDG_CACHE_HOME:-} == /* ]] || unset XDG_CACHE_HOME
cache=${XDG_CACHE_HOME:-$HOME/.cache}/page-tracker

# log TEXT…: tell people what is going on.
log() { echo "${0##*/}: $*" >&2; }

# die TEXT…: say what is wrong, and end with status 1.
die() {
  log "$*"
  exit 1
}

# usage: print the comment at the beginning of the script, and end with status 2.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$script" >&2
  exit 2
}

# wait_until SECONDS COMMAND…: return 0 as soon as the command succeeds, 1 after so many seconds.
wait_until() {
  local deadline=$((SECONDS + $1))
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# stop_process FILE NAME: end the process whose id is in the file, if it still has that name.
stop_process() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  rm "$1"
  [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$2" ]] || return 0
  kill "$pid"
  wait_until 30 has_ended "$pid" || die "$2, process $pid, does not stop"
}

# has_ended PID: whether there is no such process.
has_ended() { ! kill -0 "$1" 2>/dev/null; }

# install_packages LOG PACKAGE…: install Debian's packages, as root; end with a line if that fails.
install_packages() {
  {
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${@:2}"
  } >"$1" 2>&1 || die "cannot install ${*:2}: $(grep -m1 ^E: "$1")"
}

# untag_images PATTERN: take the names that fit from the engine's images.
untag_images() {
  docker image ls --format '{{.Repository}}:{{.Tag}}' "$1" |
    xargs --no-run-if-empty docker image rm >/dev/null
}
