#!/usr/bin/env bash
# Starts a Docker engine with Compose and Buildx.
#
#   build_support/containers/start_engine.sh    # does nothing if one answers
#
# Otherwise installs and starts Debian's engine, as root on Debian 12 or 13; stop_engine.sh stops
# it.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
state=$root/.cache/engine

is_complete() { docker compose version && docker buildx version && command -v dockerd; }

install_engine() {
  local sources=/etc/apt/sources.list.d
  [[ $EUID -eq 0 && -e $sources/debian.sources ]] ||
    die "no engine answers: please start Docker (as root on Debian, $0 installs one)"
  # Only Debian 13 has an engine with Compose and Buildx. Debian 12 takes these packages from there,
  # and their dependencies only where its own are too old.
  if grep -q bookworm "$sources/debian.sources"; then
    sed 's/bookworm/trixie/g' "$sources/debian.sources" >"$sources/page-tracker-trixie.sources"
    printf 'Package: *\nPin: release n=trixie*\nPin-Priority: 100\n' \
      >/etc/apt/preferences.d/page-tracker-trixie
  fi
  log "installing Docker Engine, Compose and Buildx from Debian's packages"
  install_packages "$state/install.log" \
    docker.io/trixie docker-cli/trixie docker-compose/trixie docker-buildx/trixie
  is_complete >/dev/null || die "the installed packages lack Compose or Buildx"
}

# Otherwise all containers together would weigh as much as one session of this machine, and tests of
# the stack fail beside others, because nobody is answered in time.
favour_containers() {
  local groups=/sys/fs/cgroup weight=cpu.weight value=1000
  if [[ -e $groups/cgroup.controllers ]]; then
    echo +cpu >"$groups/cgroup.subtree_control"
  else
    groups+=/cpu weight=cpu.shares value=10240
  fi
  mkdir -p "$groups/docker"
  echo "$value" >"$groups/docker/$weight"
}

! docker info >/dev/null 2>&1 || exit 0
mkdir -p "$state"
is_complete >/dev/null 2>&1 || install_engine
! docker info >/dev/null 2>&1 || exit 0 # systemd has started it
favour_containers || log "containers weigh no more than one session of this machine"
log "starting dockerd"
nohup dockerd --pidfile "$state/dockerd.pid" >"$state/dockerd.log" 2>&1 </dev/null &
wait_until 60 docker info || die "dockerd does not answer: $(tail -n 1 "$state/dockerd.log")"
