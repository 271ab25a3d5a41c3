#!/usr/bin/env bash
# Publishes a saved image exactly as it was tested and prints its digest.
#
#   build_support/containers/publish_image.sh FILE NAME TAG    # pushes NAME:TAG and NAME:latest
#
# FILE.tar holds the image and FILE.id its ID, the hash of its content. Refuses any other.
# Logs in with $DOCKERHUB_USERNAME and $DOCKERHUB_TOKEN. Writes the image's software bill of
# materials, from a scan of the image itself, to FILE.cdx.json.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 3 ]] || usage
file=$1 name=$2 tag=$3

tested=$(cat "$file.id")
loaded=$(docker image load --quiet --input "$file.tar" | sed 's/^Loaded image: //')
found=$(docker image inspect --format '{{.Id}}' "$loaded")
[[ $found == "$tested" ]] || die "$file.tar holds $found, but $tested was tested"

build_support/locks/run_tool.sh syft scan --quiet \
  --output "cyclonedx-json=$file.cdx.json" "docker:$loaded" >&2

# A private directory keeps the credentials only as long as needed.
DOCKER_CONFIG=$(mktemp -d)
export DOCKER_CONFIG
trap 'rm -rf "$DOCKER_CONFIG"' EXIT
docker login --username "$DOCKERHUB_USERNAME" --password-stdin "${name%%/*}" \
  <<<"$DOCKERHUB_TOKEN" >/dev/null 2>&1 ||
  die "cannot log in to ${name%%/*} as $DOCKERHUB_USERNAME"
for reference in "$name:$tag" "$name:latest"; do
  docker image tag "$loaded" "$reference"
  docker image push --quiet "$reference" >&2
done
digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$name:$tag" |
  sed -n "s#^$name@##p")
# Check that the registry serves the tested image under this digest.
docker pull --quiet "$name@$digest" >&2
[[ $(docker image inspect --format '{{.Id}}' "$name@$digest") == "$tested" ]] ||
  die "$name@$digest is not the image that was tested"
log "$name@$digest"
echo "$digest"
