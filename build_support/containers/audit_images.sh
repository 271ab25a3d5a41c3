#!/usr/bin/env bash
# Looks in our images for Debian packages that lack a security fix. Fails if it finds any or cannot
# look.
#
#   build_support/containers/audit_images.sh                     # all packaged images
#   build_support/containers/audit_images.sh page-tracker-web    # this one
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -gt 0 ]] || read -ra images < <(docker image ls --quiet 'page-tracker-*:latest' | xargs)
[[ $# -eq 0 ]] || images=("$@")
[[ ${images[*]} ]] || die "there is no image: ./pants --filter-target-type=docker_image package ::"
status=0
for image in "${images[@]}"; do
  upgrades=$(docker run --rm --user 0 --entrypoint sh "$image" -c \
    'apt-get -o APT::Update::Error-Mode=any update >&2 && apt-get --simulate dist-upgrade')
  fixes=$(grep -i '^Inst .*security' <<<"$upgrades" || true) # grep fails if there are none
  [[ ! $fixes ]] || { log "$image lacks these fixes: $fixes" && status=1; }
done
exit "$status"
