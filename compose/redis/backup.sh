#!/bin/sh
# Writes a backup to standard output: everything that Redis has acknowledged until now, but the
# salts of visitors, as an RDB file. The stack has it as redis-backup:
#
#   docker compose exec -T redis-service redis-backup >page-views.rdb
#
# Redis goes on counting meanwhile. The file is made in redis-volume first, because redis-cli leaves
# a mark at the end of what it writes to a pipe. A second Redis removes the salts from it, so nobody
# can tell from a backup who viewed a page; it needs as much memory as the first, for some seconds.
# For the same reason Redis then rewrites its append-only file, so make a backup every day.
# Exit status: 1 if this is no whole backup.
set -eu
directory=$(mktemp -d /data/backup.XXXXXX)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$directory"' EXIT
file=$directory/dump.rdb
redis-as operator --rdb "$file" >/dev/null
redis-check-rdb "$file" >/dev/null

redis-server --dir "$directory" --port 0 --unixsocket "$directory/redis.sock" --save "" \
  >"$directory/log" &
server=$!
copy() { redis-cli -e -s "$directory/redis.sock" "$@"; }
until copy ping >/dev/null 2>&1; do
  kill -0 "$server" # it has not ended
  sleep 0.1
done
copy --scan --pattern 'v2:*:salt:*' | xargs -r -n 1000 redis-cli -e -s "$directory/redis.sock" del \
  >/dev/null
copy save >/dev/null
redis-check-rdb "$file" >/dev/null
cat "$file"

# A salt that Redis has deleted stays in the append-only file until that is rewritten.
redis-as operator bgrewriteaof >/dev/null ||
  echo "redis-backup: the append-only file is not rewritten; the backup is whole" >&2
