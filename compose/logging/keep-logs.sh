#!/bin/sh
# Keeps /logs within LOG_DAYS days and LOG_MEGABYTES: it deletes the oldest files, and cuts those
# that grow beyond an eighth of the room, so that there always is an older one. It is the health
# check of log-collector, which Docker runs every minute: no other clock is needed, and a failure
# can be seen. Exit status: 1 if /logs is still too large.
set -eu
cd /logs
kilobytes=$((LOG_MEGABYTES * 1024))
used() { du -sk . | cut -f1; }

changed=$(
  find . -name '*.jsonl' -size +$((kilobytes / 8))k -print -exec mv {} "{}.$(date +%s).jsonl" \;
  find . -type f -mtime +$((LOG_DAYS - 1)) -print -delete
)
while [ "$(used)" -gt "$kilobytes" ]; do
  oldest=$(find . -type f -printf '%T@ %p\n' | sort -n | sed -n '1s/[^ ]* //p')
  [ -n "$oldest" ] || break
  rm "$oldest"
  changed=yes
done
# Then rsyslogd opens its files anew; it may have been writing one of these.
[ -z "$changed" ] || kill -HUP 1
[ "$(used)" -le "$kilobytes" ]
