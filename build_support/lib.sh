# shellcheck shell=bash
# Functions and settings for the scripts of build_support. Each script begins with
#
#   source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
#
# and then works in the root of the repository, with the cache of ./pants in $cache.
# shellcheck disable=SC2034  # the scripts use these variables
set -euo pipefail
script=$(cd "$(dirname "$0")" && pwd -P)/${0##*/}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$(pwd -P)
# The XDG standard ignores relative paths.
[[ ${XDG_CACHE_HOME:-} == /* ]] || unset XDG_CACHE_HOME
cache=${XDG_CACHE_HOME:-$HOME/.cache}/page-tracker

# log TEXT…: print a message on standard error.
log() { echo "${0##*/}: $*" >&2; }

# die TEXT…: print an error and exit with status 1.
die() {
  log "$*"
  exit 1
}

# usage: print the comment at the beginning of the script and exit with status 2.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$script" >&2
  exit 2
}

# wait_until SECONDS COMMAND…: return 0 as soon as the command succeeds, or 1 after SECONDS.
wait_until() {
  local deadline=$((SECONDS + $1))
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# stop_process FILE NAME: stop the process whose id is in FILE, if its name is still NAME.
stop_process() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  rm "$1"
  [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$2" ]] || return 0
  kill "$pid"
  wait_until 30 has_ended "$pid" || die "$2, process $pid, does not stop"
}

# has_ended PID: succeed if there is no such process.
has_ended() { ! kill -0 "$1" 2>/dev/null; }

# install_packages LOG PACKAGE…: install Debian packages as root; die with a one-line error.
install_packages() {
  {
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${@:2}"
  } >"$1" 2>&1 || die "cannot install ${*:2}: $(grep -m1 ^E: "$1")"
}

# unpack_packages DIRECTORY PACKAGE…: unpack Debian packages without installing them; die with a
# one-line error.
unpack_packages() {
  command -v apt-get >/dev/null || die "please install $2: there is no apt-get to download it"
  log "unpacking $2 from Debian's packages"
  mkdir -p "$1"
  (
    cd "$1" || exit
    apt-get download "${@:2}" || { apt-get update && apt-get download "${@:2}"; } || exit
    for package in *.deb; do
      dpkg-deb --extract "$package" . || exit
    done
  ) >"$1/log" 2>&1 || die "cannot unpack $2: $(grep -m1 -i error "$1/log")"
}

# untag_images PATTERN: remove all image names that match. One pulled by its digest has none.
untag_images() {
  docker image ls --format '{{.Repository}}:{{.Tag}}' "$1" | sed '/<none>/d' |
    xargs --no-run-if-empty docker image rm >/dev/null
}
