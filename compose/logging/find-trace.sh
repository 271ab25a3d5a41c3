#!/bin/sh
# Prints all lines of a trace, of all services, in the order of their times:
#
#   docker compose exec log-collector find-trace 4bf92f3577b34da6a3ce929d0e0e4736
#
# It also takes the value of a header traceresponse. Exit status: 1 if there are no such lines.
set -eu
trace=$(printf %s "${1-}" | sed -E 's/^00-([0-9a-f]{32})-.*$/\1/' | grep -xE '[0-9a-f]{32}') || {
  echo "usage: find-trace TRACE_ID, which has 32 hexadecimal digits" >&2
  exit 2
}
# Each line begins with its time. A line that was sent twice is printed once.
lines=$(find /logs -name '*.jsonl' -exec grep -hF "\"$trace\"" {} + | LC_ALL=C sort -u)
[ -n "$lines" ] || {
  echo "find-trace: there are no lines of this trace" >&2
  exit 1
}
printf '%s\n' "$lines"
