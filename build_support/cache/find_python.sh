#!/usr/bin/env bash
# Prints the path of a CPython 3.13, which BuildGrid needs: one on PATH, pyenv's, Debian 13's, which
# it unpacks on Debian 12 into the cache of ./pants, or uv's, which uv downloads.
#
#   build_support/cache/find_python.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
sources=/etc/apt/sources.list.d/debian.sources
unpacked=$cache/debian-python-3.13

# Prints the path of the interpreter $1 if it runs and can make virtual environments.
real_path() {
  "$1" -c "import ensurepip, platform, sys
if platform.python_implementation() != 'CPython' or sys.version_info[:2] != (3, 13):
    sys.exit(1)
print(sys.executable)" 2>/dev/null
}

# Unpacks Debian 13's Python with its own C library, because that of Debian 12 is too old for it.
# apt's settings and lists stay as they are.
unpack_python() {
  local directory=$unpacked.$$ libraries=$unpacked/usr/lib/x86_64-linux-gnu
  log "unpacking CPython 3.13 from Debian's packages"
  rm -rf "$directory"
  mkdir -p "$directory"/apt/{sources,lists/partial,archives/partial}
  sed 's/bookworm/trixie/g' "$sources" >"$directory/apt/sources/trixie.sources"
  (
    cd "$directory" || exit
    for command in update "download python3.13-minimal python3.13-venv libpython3.13-minimal \
      libpython3.13-stdlib python3-pip-whl libbz2-1.0 libc6 libexpat1 libffi8 libgcc-s1 liblzma5 \
      libsqlite3-0 libssl3t64 libstdc++6 libuuid1 libzstd1 zlib1g"; do
      # shellcheck disable=SC2086  # several words
      apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$PWD/apt/sources" \
        -o Dir::State::lists="$PWD/apt/lists" -o Dir::Cache="$PWD/apt" \
        -o APT::Sandbox::User=root $command || exit
    done
    for package in *.deb; do
      dpkg-deb --extract "$package" . || exit
    done
    rm -r apt ./*.deb
    mv usr/bin/python3.13 usr/bin/python3.13-program
    # shellcheck disable=SC2016  # the written script expands these
    printf '#!/bin/sh\nexec %q --library-path %q --argv0 "$0" %q "$@"\n' \
      "$libraries/ld-linux-x86-64.so.2" "$libraries" "$unpacked/usr/bin/python3.13-program" \
      >usr/bin/python3.13
    chmod +x usr/bin/python3.13
    # ensurepip looks for pip there.
    sed -i "s#/usr/share/python-wheels#$unpacked/usr/share/python-wheels#" \
      usr/lib/python3.13/_sysconfigdata_*.py
  ) >"$unpacked.log" 2>&1 || die "cannot unpack CPython 3.13: $(tail -n 1 "$unpacked.log")"
  rm -rf "$unpacked"
  mv "$directory" "$unpacked"
}

for candidate in python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python \
  "$unpacked/usr/bin/python3.13"; do
  ! real_path "$candidate" || exit 0
done
if [[ $(uname -m) == x86_64 ]] && grep -q bookworm "$sources" 2>/dev/null; then
  unpack_python
  real_path "$unpacked/usr/bin/python3.13" || die "the unpacked CPython 3.13 does not run"
  exit
fi
uv=$(build_support/locks/run_tool.sh --path uv)
"$uv" python install --quiet 3.13 >&2 ||
  die "please install CPython 3.13 with venv (on Debian 13: apt-get install python3.13-venv)"
real_path "$("$uv" python find 3.13)"
