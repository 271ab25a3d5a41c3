#!/bin/sh
# Starts the Sentinel $NAME. Its file in the volume keeps who it is and which server is the primary.
# In an empty volume it begins with the primary that the other two name, or with redis-1.
set -eu
umask 077
file=/data/sentinel.conf
if [ ! -e "$file" ]; then
  primary=$(redis-primary || echo redis-1)
  # A primary that answers nothing for 2 s is down. All servers keep the same replica-priority:
  # another would count more than who has the most views.
  cat >"$file.new" <<END
port 26379
dir /data
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $NAME
sentinel monitor page-tracker $primary 6379 2
sentinel down-after-milliseconds page-tracker 2000
sentinel failover-timeout page-tracker 10000
END
  mv "$file.new" "$file"
fi
# The passwords may have changed.
password=$(tr -d '\r' </run/secrets/sentinel-password)
{
  grep -v -e '^sentinel auth-' -e '^sentinel sentinel-' "$file"
  echo "sentinel auth-user page-tracker sentinel"
  echo "sentinel auth-pass page-tracker $password"
  echo "sentinel sentinel-user sentinel"
  echo "sentinel sentinel-pass $password"
} >"$file.new"
mv "$file.new" "$file"
exec sh /etc/redis/start.sh "$file" --sentinel
