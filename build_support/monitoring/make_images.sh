#!/usr/bin/env bash
# Pulls the images of the stack's profile "monitoring". Without a registry, it builds stand-ins with
# the same names from Debian's packages, on the gateway's image of make_base_images.sh.
#
#   build_support/monitoring/make_images.sh    # skips images that exist
#
# Use stand-ins only for testing.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
packages=$cache/monitoring

# image_of NAME: print the image of this name in compose.yaml, with its tag.
image_of() { sed -n "s|^ *image: \($1:[^ ]*\).*|\1|p" compose/compose.yaml; }

# Succeeds if the image $1 exists or can be pulled.
have() { docker image inspect "$1" || timeout 300 docker pull --quiet "$1"; } >/dev/null 2>&1

# make_image NAME PROGRAM ENTRYPOINT DIRECTORY: have the image, which starts PROGRAM of the packages
# as ENTRYPOINT, and has a directory for user 65534.
make_image() {
  local image
  image=$(image_of "$1")
  have "$image" && return
  log "no registry answers: building a stand-in for $image from Debian's packages"
  [[ -x $packages/bin/busybox ]] || unpack_packages "$packages" prometheus/trixie \
    prometheus-{alertmanager,node-exporter,redis-exporter}/trixie busybox-static
  # The original images have busybox for health checks. Alertmanager reads its templates.
  docker build --quiet --tag "$image" --file - "$packages" >/dev/null <<DOCKERFILE
FROM $(image_of haproxy)
COPY usr/share/prometheus/alertmanager/*.tmpl /usr/share/prometheus/alertmanager/
COPY bin/busybox /usr/local/bin/wget
COPY usr/bin/$2 $3
RUN install -d -o 65534 -g 65534 $4
STOPSIGNAL SIGTERM
ENTRYPOINT ["$3"]
CMD []
DOCKERFILE
}

make_image prom/prometheus prometheus /bin/prometheus /prometheus
make_image prom/alertmanager prometheus-alertmanager /bin/alertmanager /alertmanager
make_image prom/node-exporter prometheus-node-exporter /bin/node_exporter /data
make_image oliver006/redis_exporter prometheus-redis-exporter /redis_exporter /data
