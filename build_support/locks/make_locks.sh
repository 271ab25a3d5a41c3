#!/usr/bin/env bash
# Makes a lock NAME.lock for each 3rdparty/python/NAME.txt: pinned by hash, for every platform, and
# without the address of a package index.
#
#   build_support/locks/make_locks.sh                 # all, every package at its newest version
#   build_support/locks/make_locks.sh requirements    # only the lock of the code
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
uv=$(build_support/locks/run_tool.sh --path uv)
cd 3rdparty/python
[[ $# -gt 0 ]] || set -- *.txt
for name in "${@%.txt}"; do
  [[ -e $name.txt ]] || die "there is no 3rdparty/python/$name.txt"
  python=3.11
  case $name in
    pants) python=3.9 ;;      # the Python of Pants itself
    buildgrid) python=3.13 ;; # the oldest that BuildGrid supports
  esac
  log "locking $name"
  "$uv" pip compile --quiet --upgrade --universal --python-version "$python" \
    --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
    "$name.txt" --output-file "$name.lock"
done
