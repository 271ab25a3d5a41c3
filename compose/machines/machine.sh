#!/usr/bin/env bash
# Runs a Docker engine as on a machine of its own: with its own processes, mounts and network.
#
#   machine.sh DIRECTORY NETWORK ADDRESS    # as root, on Linux
#
# DIRECTORY is where it keeps its data, its log and docker.sock. NETWORK is the ID of a process in
# the network namespace that has the bridge "switch", and ADDRESS is the machine's there. At SIGTERM
# everything on it ends at once, as in a power cut.
set -euo pipefail
directory=$1 network=$2 address=$3

if [[ ${4:-} != inside ]]; then
  unshare --net --mount --pid --uts --fork --kill-child --mount-proc \
    "$BASH" "$0" "$directory" "$network" "$address" inside >"$directory/log" 2>&1 </dev/null &
  machine=$!
  trap 'kill -KILL "$machine"' TERM
  while [[ $(readlink "/proc/$machine/ns/net") == $(readlink /proc/self/ns/net) ]]; do
    sleep 0.05
  done
  port=machine${address##*.}
  nsenter --target "$network" --net \
    ip link add "$port" master switch up type veth peer name eth0 netns "$machine"
  wait "$machine"
  exit
fi

echo "machine-${address##*.}" >/proc/sys/kernel/hostname
# Without a name server, looking for a registry fails at once. The file may link to one in /run.
echo nameserver 127.0.0.1 >"$directory/resolv.conf"
mount --bind "$directory/resolv.conf" /etc/resolv.conf || true
mount -t tmpfs tmpfs /run # hides the engine and the containerd of the real machine
until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
ip link set lo up
ip address add "$address/24" dev eth0
ip link set eth0 up
# The first process of a machine must not be dockerd, which ignores children of others that end.
dockerd --data-root "$directory/data" --host "unix://$directory/docker.sock" \
  --cgroup-parent "/${directory##*/}" &
wait
