#!/usr/bin/env bash
# Runs a program that sends requests: wrk, or redis-benchmark.
#
#   benchmarks/run_load.sh wrk --connections 16 --duration 2s http://127.0.0.1:8000/
#
# Unless it is installed, unpacks it from Debian's packages into .cache without installing it.
source "$(dirname "${BASH_SOURCE[0]}")/../build_support/lib.sh"
case ${1:-} in
  wrk) packages=(wrk libluajit-5.1-2) ;;
  redis-benchmark) packages=(redis-tools libjemalloc2 liblzf1) ;;
  *) usage ;;
esac
if ! command -v "$1" >/dev/null; then
  unpacked=$root/.cache/load/$1
  [[ -x $unpacked/usr/bin/$1 ]] || unpack_packages "$unpacked" "${packages[@]}"
  libraries=("$unpacked"/usr/lib/*-linux-gnu)
  export PATH=$unpacked/usr/bin:$PATH LD_LIBRARY_PATH=${libraries[0]}
fi
exec "$@"
