#!/bin/sh
# Writes a backup to standard output: everything that Redis has acknowledged until now, as an RDB
# file. The stack has it as redis-backup:
#
#   docker compose exec -T redis-service redis-backup >page-views.rdb
#
# Redis goes on counting meanwhile. The file is made in redis-volume first, because redis-cli leaves
# a mark at the end of what it writes to a pipe. Exit status: 1 if this is no whole backup.
set -eu
file=$(mktemp /data/backup.XXXXXX)
trap 'rm -f "$file"' EXIT
redis-as operator --rdb "$file" >/dev/null
redis-check-rdb "$file" >/dev/null
cat "$file"
