#!/usr/bin/env bash
# Runs sshd on 127.0.0.1 until it is killed, to test deploying. Its one key may only run a command.
#
#   build_support/deploy/serve_ssh.sh DIRECTORY COMMAND    # the command is the key's forced command
#
# Makes in DIRECTORY what a client needs: the private key "key", "known_hosts", and last "address",
# ssh://USER@127.0.0.1:PORT. The log is there as well. Unless sshd is installed, unpacks it from
# Debian's packages into the cache of ./pants; it is never installed, since the package would open
# this machine to the network. Root needs permission to mount.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 2 ]] || usage
directory=$1 command=$2

# Unpacks sshd, and the libraries for it that this machine lacks: libwrap.so.0 is in the package
# libwrap0.
unpack_sshd() {
  local libraries
  unpack_packages "$unpacked" openssh-server
  mapfile -t libraries < <(
    ldd "$unpacked"/usr/sbin/sshd "$unpacked"/usr/lib/openssh/sshd-* 2>/dev/null |
      sed -nE 's/^\s*(lib\w+)\.so\.([0-9]+) => not found/\1\2/p' | sort -u
  )
  [[ ! ${libraries[*]} ]] || unpack_packages "$unpacked" "${libraries[@]}"
  touch "$unpacked/done"
}

sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || {
  unpacked=$cache/openssh
  mkdir -p "$cache"
  (
    flock 9 # tests may run at the same time
    [[ -e $unpacked/done ]] || unpack_sshd
  ) 9>"$unpacked.lock"
  sshd=$unpacked/usr/sbin/sshd
  export LD_LIBRARY_PATH
  LD_LIBRARY_PATH=$(echo "$unpacked"/usr/lib/*-linux-gnu)
}

for key in key host_key; do
  ssh-keygen -q -t ed25519 -N "" -C "" -f "$directory/$key"
done
port=$(python3 -c \
  'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
echo "[127.0.0.1]:$port $(cat "$directory/host_key.pub")" >"$directory/known_hosts"
echo "restrict,command=\"$command\" $(cat "$directory/key.pub")" >"$directory/authorized_keys"
cat >"$directory/sshd_config" <<CONFIG
ListenAddress 127.0.0.1:$port
HostKey $directory/host_key
AuthorizedKeysFile $directory/authorized_keys
AuthenticationMethods publickey
PermitRootLogin forced-commands-only
Subsystem sftp internal-sftp
# Directories for temporary files belong to everybody.
StrictModes no
SetEnv PATH=$PATH
PidFile none
CONFIG
# Since OpenSSH 9.8, sshd consists of more programs, and looks for them where it is installed.
for program in session auth; do
  [[ ! -x ${unpacked:-}/usr/lib/openssh/sshd-$program ]] ||
    echo "Sshd${program^}Path $unpacked/usr/lib/openssh/sshd-$program" >>"$directory/sshd_config"
done

run=("$sshd" -D -f "$directory/sshd_config" -E "$directory/log")
if [[ $EUID -eq 0 ]]; then
  # As root, sshd wants a user "sshd", an unlocked account and /run/sshd. It gets them in a mount
  # namespace of its own, so this machine stays as it is.
  { sed '/^sshd:/d' /etc/passwd && echo "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin"; } \
    >"$directory/passwd"
  echo "root:*:1::::::" >"$directory/shadow"
  mkdir "$directory/run"
  # shellcheck disable=SC2016  # the inner shell expands these
  run=(unshare --mount bash -ec '
    mount --rbind /run "$0/run"
    mount --bind "$0/passwd" /etc/passwd
    mount --bind "$0/shadow" /etc/shadow
    mount -t tmpfs tmpfs /run
    mkdir /run/sshd
    for each in "$0"/run/*; do ln -s "$each" /run/ || true; done
    exec "$@"' "$directory" "${run[@]}")
fi
echo "ssh://$(id -un)@127.0.0.1:$port" >"$directory/address"
exec "${run[@]}"
