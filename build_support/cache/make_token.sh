#!/usr/bin/env bash
# Prints a token for a build cache. access.yml says what its subject may do.
#
#   build_support/cache/make_token.sh DIRECTORY main 90            # may write, for 90 days
#   build_support/cache/make_token.sh DIRECTORY pull-request 90    # may only read
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 3 && $3 =~ ^-?[0-9]+$ ]] || usage
[[ $2 == main || $2 == pull-request ]] || die "there is no subject $2 in access.yml"
build_support/cache/make_keys.sh "$1"
python=$(dirname "$(build_support/locks/run_tool.sh --path buildgrid)")/python
"$python" - "$@" <<'PYTHON'
import pathlib, sys, time
import jwt

directory, subject, days = sys.argv[1:]
claims = {"sub": subject, "aud": "page-tracker", "exp": int(time.time()) + 86_400 * int(days)}
key = pathlib.Path(directory, "token.key").read_text(encoding="utf-8")
print(jwt.encode(claims, key, algorithm="RS256"))
PYTHON
