#!/bin/sh
# Starts the Redis $NAME of a group with Sentinels: as the primary, if they say so, else as a
# replica of the primary. Arguments are options for redis-server.
#
# A former primary must not start as one, so this waits until two Sentinels agree. They remember the
# primary in their volumes.
set -eu
umask 077
until primary=$(redis-primary); do
  echo "$NAME: waits until two Sentinels name the primary" >&2
  sleep 1
done
[ "$primary" = "$NAME" ] || set -- "$@" --replicaof "$primary" 6379
# A file, because everybody can read a command line.
cat >/tmp/replication.conf <<END
masteruser replica
masterauth $(tr -d '\r' </run/secrets/replica-password)
END
exec sh /etc/redis/start.sh "$@" --replica-announce-ip "$NAME" --include /tmp/replication.conf
