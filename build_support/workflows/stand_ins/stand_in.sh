#!/usr/bin/env bash
# Implements the stand-ins for GitHub's actions in run_workflow.sh. Keeps files between jobs in
# $ACT_STORE.
set -euo pipefail

mkdir -p "$ACT_STORE/cache"

# All jobs already share paths under the home directory.
for_us() { [[ $1 != "~"* ]]; }
newest() {
  find "$ACT_STORE/cache" -maxdepth 1 -name "$1*" -printf '%T@ %p\n' |
    sort -rn | head -n 1 | cut -d' ' -f2-
}

case $1 in
  restore)
    for_us "$2" || exit 0
    for key in "${@:3}"; do
      entry=$(newest "$key")
      if [[ $entry ]]; then
        mkdir -p "$2" && cp -a "$entry/." "$2"
        exit
      fi
    done
    ;;
  save)
    for_us "$2" || exit 0
    cp -a "$2" "$ACT_STORE/cache/$3"
    ;;
  upload)
    rm -rf "${ACT_STORE:?}/artifacts/$3"
    mkdir -p "$ACT_STORE/artifacts/$3"
    [[ ! -d $2 ]] || set -- "$1" "$2/." "$3"
    cp -a "$2" "$ACT_STORE/artifacts/$3"
    ;;
  download) mkdir -p "$2" && cp -a "$ACT_STORE/artifacts/$3/." "$2" ;;
  attest)
    [[ $3 == sha256:* && (! $4 || -s $4) ]]
    echo "$2@$3 ${4##*/}" | tee -a "$ACT_STORE/attestations"
    ;;
  *) exit 2 ;;
esac
