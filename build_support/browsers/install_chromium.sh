#!/usr/bin/env bash
# Installs what the tests named *_browser_test.py need: Playwright, and Chromium.
#
#   build_support/browsers/install_chromium.sh    # uses Chromium or Chrome if it is on PATH
#
# Otherwise installs Debian's, as root on Debian 12 or 13. Does nothing if BROWSER_TESTS is an empty
# string, which skips such tests.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

[[ ${BROWSER_TESTS-all} ]] || exit 0
build_support/locks/run_tool.sh --path playwright >/dev/null
for name in chromium chromium-browser google-chrome; do
  ! command -v "$name" >/dev/null || exit 0
done
[[ $EUID -eq 0 && -e /etc/apt/sources.list.d/debian.sources ]] ||
  die "there is no Chromium: please install it (as root on Debian, $0 does), or set BROWSER_TESTS="
log "installing Chromium from Debian's packages"
mkdir -p .cache
install_packages .cache/chromium.log chromium
