#!/usr/bin/env bash
# Makes the passwords of the users in compose/redis, each in a file of its own. Run it once before
# `docker compose up`; it keeps passwords that exist.
#
#   build_support/containers/make_secrets.sh    # in .cache/secrets
#   SECRETS_DIR=/absolute/path build_support/containers/make_secrets.sh    # as for compose.yaml
#
# Compose mounts each file as it is into the containers that use it, where their users (10001 for
# web-service, 999 for redis-service) read it. So every user may read the files, and only you may
# enter the directory.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
directory=${SECRETS_DIR:-.cache/secrets}
(umask 077 && mkdir -p "$directory")
# compose.yaml mounts it. Docker would make it, but then only root could write deploys into it.
install -d -m 755 .cache/deploy
sed -n 's/^user \([^ ]*\) .*/\1/p' compose/redis/*.acl | while read -r user; do
  file=$directory/$user-password
  [[ ! -s $file ]] || continue
  od -An -N32 -v -tx1 /dev/urandom | tr -d ' \n' >"$file.new" # 256 random bits
  chmod 444 "$file.new"
  mv -f "$file.new" "$file"
  log "made $file"
done
# After a clone under umask 077, user 999 could not read these.
chmod -R go+rX compose/redis
