#!/bin/sh
# Restores a backup from standard input into an empty volume. The stack has it as redis-restore:
#
#   docker compose run --rm -T redis-service redis-restore <page-views.rdb
#
# Redis with an append-only file ignores a dump.rdb. The backup therefore becomes the base of a new
# append-only file, which takes its place only when it is complete and on disk.
set -eu
cd /data

die() {
  echo "redis-restore: nothing is restored, because $*" >&2
  exit 1
}

[ ! -e appendonlydir ] || die "redis-volume has data; docker compose down --volumes deletes it"
rm -rf restored
mkdir restored
cat >restored/appendonly.aof.1.base.rdb
echo "file appendonly.aof.1.base.rdb seq 1 type b" >restored/appendonly.aof.manifest
# The first check accepts more bytes after a backup, the second no bytes at all.
if ! { redis-check-rdb restored/appendonly.aof.1.base.rdb &&
  redis-check-aof restored/appendonly.aof.manifest; } >restored/problems 2>&1; then
  rm -r restored
  die "standard input is not a whole backup"
fi
rm restored/problems
sync
mv restored appendonlydir
echo "redis-restore: restored; start the stack with docker compose up" >&2
