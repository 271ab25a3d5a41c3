#!/usr/bin/env bash
# Runs a command of remote.py on the host that serves, as .github/workflows/deploy.yml does.
#
#   build_support/deploy/run_on_host.sh deploy IMAGE@sha256:…    # or: roll-back, status
#
# DEPLOY_HOST is the host, such as ssh://deploy@host.example:22; DEPLOY_KEY the private key, and
# DEPLOY_KNOWN_HOSTS the lines of known_hosts with the keys of that host. It trusts no other.
# If the connection is lost, waits until the host says what became of the command.
# Exit status: that of the command, or 1 with a line that says why.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -gt 0 ]] || usage
asked=$*
wait_seconds=1200 begin_seconds=10

private=$(mktemp -d) # only its owner may read it
trap 'rm -rf "$private"' EXIT
printf '%s\n' "${DEPLOY_KEY:?is not set}" >"$private/key"
printf '%s\n' "${DEPLOY_KNOWN_HOSTS:?is not set}" >"$private/known_hosts"
chmod 600 "$private/key"

# Runs a command on the host; returns 255 if there is no connection.
on_host() {
  ssh -T -F none -i "$private/key" \
    -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes -o ConnectTimeout=10 \
    -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$private/known_hosts" \
    -o GlobalKnownHostsFile=none -o UpdateHostKeys=no \
    -o ServerAliveInterval=10 -o ServerAliveCountMax=3 \
    -- "${DEPLOY_HOST:?is not set}" "$1" </dev/null
}

status=0
on_host status >"$private/before" || status=$?
[[ $status -ne 255 ]] || die "cannot reach the host; nothing has changed"

status=0
on_host "$asked" || status=$?
[[ $status -eq 255 ]] || exit "$status"

log "the connection was lost; waiting for what becomes of it on the host"
lost=$SECONDS
while ((SECONDS < lost + wait_seconds)); do
  sleep 1
  on_host status >"$private/after" 2>/dev/null || [[ $? -ne 255 ]] || continue
  last=$(tail -n 1 "$private/after")
  if [[ $last == "$(tail -n 1 "$private/before")" ]]; then
    ((SECONDS < lost + begin_seconds)) || die "it did not begin: $last"
    continue
  fi
  case $last in
    "running: $asked:"*) continue ;;
    "ended: $asked: exit status 0,"*) log "$last" && exit 0 ;;
    *) die "$last" ;;
  esac
done
die "no answer after $wait_seconds s: ask for the status, or log in"
