#!/usr/bin/env bash
# Starts a container registry on this machine to test publishing, and prints its address,
# 127.0.0.1:PORT. Its user is "somebody" and the password "not-a-secret".
#
#   build_support/containers/start_registry.sh    # stop_registry.sh stops it
#
# Unpacks Debian's registry into .cache without installing it. Replaces one that already runs.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
state=$root/.cache/registry

build_support/containers/stop_registry.sh
mkdir -p "$state/data"
[[ -x $state/usr/bin/docker-registry ]] || unpack_packages "$state" docker-registry
port=$(python3 -c \
  'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
cat >"$state/users" <<'EOF'
somebody:$2y$05$.gN626a5/OrhtpCF7rUHUeyVw3svyXbaDygcGbmhRPk9nWIi/7sxW
EOF
cat >"$state/config.yml" <<EOF
version: 0.1
storage: {filesystem: {rootdirectory: $state/data}}
http: {addr: "127.0.0.1:$port"}
auth: {htpasswd: {realm: registry, path: $state/users}}
EOF
nohup "$state/usr/bin/docker-registry" serve "$state/config.yml" >"$state/log" 2>&1 </dev/null &
echo $! >"$state/pid"
wait_until 30 python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" ||
  die "the registry did not start: $(tail -n 1 "$state/log")"
echo "127.0.0.1:$port"
