#!/usr/bin/env bash
# Checks that a commit always makes the same images. It rebuilds those of the last commit from a
# fresh clone, with empty caches and another umask, and compares layers and image IDs. If SLOW_TESTS
# is "some", it rebuilds only the web service's.
#
#   ./pants --filter-target-type=docker_image package ::
#   build_support/containers/reproduce_images.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
git diff --quiet HEAD || die "there are uncommitted edits: please commit, and package again"

scratch=$(mktemp -d)
prefix=reproduced-$$/
clean_up() {
  untag_images "$prefix*"
  rm -rf "$scratch"
}
trap clean_up EXIT

# A Docker client that builds without cache and creates a file to show that it was used.
mkdir "$scratch/bin"
cat >"$scratch/bin/docker" <<EOF
#!/bin/sh
[ "\$1" != build ] || { shift && set -- build --no-cache "\$@" && touch "$scratch/used"; }
exec "$(command -v docker)" "\$@"
EOF
chmod +x "$scratch/bin/docker"

goal=(--filter-target-type=docker_image package ::)
[[ ${SLOW_TESTS-} != some ]] || goal=(package services/web)
umask 077
git clone --quiet . "$scratch/clone"
# The images carry the origin as a label.
! origin=$(git config --get remote.origin.url) ||
  git -C "$scratch/clone" config remote.origin.url "$origin"
PATH=$scratch/bin:$PATH IMAGE_PREFIX=$prefix PANTS_LOCAL_STORE_DIR=$scratch/store \
  PANTS_NAMED_CACHES_DIR=$scratch/caches PANTS_PANTSD=false \
  "$scratch/clone/pants" "${goal[@]}" >"$scratch/log" 2>&1 ||
  die "cannot package the clone: $(cat "$scratch/log")"
[[ -e $scratch/used ]] || die "the clone was packaged with another Docker client"

content() { docker image inspect --format '{{.Id}} {{json .RootFS.Layers}}' "$1"; }
commit=$(git rev-parse HEAD)
docker image ls --format '{{.Repository}}:{{.Tag}}' "$prefix*:$commit" >"$scratch/made"
[[ -s $scratch/made ]] || die "the clone made no image"
while read -r again; do
  image=${again#"$prefix"}
  here=$(content "$image") || die "package the last commit first: there is no $image"
  there=$(content "$again")
  [[ $here == "$there" ]] || die "$image differs: $(printf '\n%s' "$here" "$there")"
  echo "$image is identical in all layers: ${here%% *}"
done <"$scratch/made"
