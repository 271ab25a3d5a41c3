#!/usr/bin/env bash
# Updates the list of referrer spammers from a clone of Matomo's repository, and notes its version
# and checksum in it.
#
#   git clone https://github.com/matomo-org/referrer-spam-list DIRECTORY
#   build_support/locks/update_referrer_spammers.sh DIRECTORY
from=$PWD
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 1 ]] || usage
list=libs/page_views/referrer_spammers.txt
clone=$(cd "$from" && cd "$1" && pwd) || die "there is no directory $1"
version=$(git -C "$clone" describe --tags --always) || die "$1 is no clone"
hosts=$(git -C "$clone" show HEAD:spammers.txt) || die "$1 has no spammers.txt"
{
  echo "# Referrer spammers, public domain: https://github.com/matomo-org/referrer-spam-list"
  echo "# version: $version"
  echo "# SHA-256 of the lines below: $(sha256sum <<<"$hosts" | cut -d' ' -f1)"
  echo "$hosts"
} >"$list"
log "$(grep -vc '^#' "$list") hosts, version $version"
