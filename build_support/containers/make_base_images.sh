#!/usr/bin/env bash
# Pulls the base images of our images. Without a registry, it builds stand-ins with the same names
# from Debian's packages (as root on Debian).
#
#   build_support/containers/make_base_images.sh            # skips images that exist
#   build_support/containers/make_base_images.sh logging    # also those of this profile
#
# Use stand-ins only for building and testing, never for publishing.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Builds the image $1 from the packages $3 of Debian $2. Before it installs packages, it calls the
# program $4 with the root directory. The remaining arguments go to `docker import`.
build_stand_in() {
  local image=$1 suite=$2 packages=$3 hook=${4:-true}
  local sources=/etc/apt/sources.list.d/debian.sources tar=$scratch/base.tar log=$scratch/log
  [[ $EUID -eq 0 && -e $sources ]] ||
    die "cannot pull $image, and only root on Debian can build a stand-in"
  log "no registry answers: building a stand-in for $image from Debian's packages"
  command -v mmdebstrap >/dev/null || install_packages "$log" mmdebstrap
  sed -E "s/bookworm|trixie/$suite/g" "$sources" >"$scratch/$suite.sources"
  SOURCE_DATE_EPOCH=0 mmdebstrap --variant=minbase --include="ca-certificates,$packages" \
    --essential-hook="$hook" "$suite" "$tar" "$scratch/$suite.sources" >"$log" 2>&1 ||
    die "mmdebstrap: $(grep -m1 ^E: "$log")"
  docker import "${@:5}" "$tar" "$image" >/dev/null
}

# Succeeds if the image $1 exists or can be pulled.
have() { docker image inspect "$1" || timeout 300 docker pull --quiet "$1"; } >/dev/null 2>&1

find services tests_e2e -name Dockerfile -exec sed -n 's/^ARG PYTHON_IMAGE=//p' {} + | sort -u |
  while read -r image; do
    have "$image" || build_stand_in "$image" bookworm python3.11,python3.11-venv
  done

# Behaves like the original image: user 999, data in /data, options alone start the server, and root
# drops its privileges.
cat >"$scratch/redis" <<'HOOK'
#!/bin/sh
set -e
echo redis:x:999:999::/data:/bin/sh >>"$1/etc/passwd"
echo redis:x:999: >>"$1/etc/group"
install -d -o 999 -g 999 "$1/data"
cat >"$1/usr/local/bin/docker-entrypoint.sh" <<'ENTRYPOINT'
#!/bin/sh
set -e
case $1 in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  chown -R redis .
  exec setpriv --reuid redis --regid redis --clear-groups --no-new-privs "$0" "$@"
fi
umask 0077
exec "$@"
ENTRYPOINT
chmod 755 "$1/usr/local/bin/docker-entrypoint.sh"
HOOK
chmod +x "$scratch/redis"
redis_image=$(sed -n 's/^ *image: \(redis:[^ ]*\).*/\1/p' compose/compose.yaml)
have "$redis_image" || build_stand_in "$redis_image" trixie redis-server "$scratch/redis" \
  --change "WORKDIR /data" --change "VOLUME /data" --change "EXPOSE 6379" \
  --change 'ENTRYPOINT ["docker-entrypoint.sh"]' --change 'CMD ["redis-server"]'

# Behaves like the original image: options alone start haproxy, with a master process that replaces
# its worker at SIGUSR2; SIGUSR1 stops it after the requests under way. compose.yaml sets the user.
cat >"$scratch/haproxy" <<'HOOK'
#!/bin/sh
set -e
cat >"$1/usr/local/bin/docker-entrypoint.sh" <<'ENTRYPOINT'
#!/bin/sh
set -e
case $1 in -*) set -- haproxy "$@" ;; esac
if [ "$1" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi
exec "$@"
ENTRYPOINT
chmod 755 "$1/usr/local/bin/docker-entrypoint.sh"
HOOK
chmod +x "$scratch/haproxy"
haproxy_image=$(sed -n 's/^ *image: \(haproxy:[^ ]*\).*/\1/p' compose/compose.yaml)
have "$haproxy_image" || build_stand_in "$haproxy_image" trixie haproxy "$scratch/haproxy" \
  --change "STOPSIGNAL SIGUSR1" --change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
  --change 'CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]'

# Behaves like the original image: root runs rsyslogd. compose.yaml names its configuration.
if [[ " $* " == *" logging "* ]]; then
  rsyslog_image=$(sed -n 's/^ *image: &rsyslog //p' compose/compose.yaml)
  have "$rsyslog_image" || build_stand_in "$rsyslog_image" trixie rsyslog,rsyslog-relp true \
    --change 'CMD ["rsyslogd", "-n"]'
fi
