#!/bin/sh
# Starts Redis with the users of all files *.acl beside it. Arguments are those of redis-server.
#
# The password of user NAME is the content of the secret NAME-password. Redis gets only its hash,
# in a file in memory, so no password is in an environment or a command line.
set -eu
umask 077

die() {
  echo "redis-service: $*" >&2
  exit 1
}

# hashed_password USER: print the password of a user as an ACL rule.
hashed_password() {
  file=/run/secrets/$1-password
  [ -f "$file" ] || die "there is no secret $file"
  [ -r "$file" ] || die "user $(id -u) may not read the secret $file"
  password=$(tr -d '\r' <"$file")
  [ "$password" ] || die "the secret $file is empty"
  hash=$(printf %s "$password" | sha256sum)
  echo "#${hash%% *}"
}

# Nobody can log in as "default", but Redis replays its append-only file as this user. Without all
# permissions, some releases (such as 8.0) would skip the views and start without them.
echo "user default off +@all ~* &*" >/tmp/users.acl
sed -e :next -e '/\\$/{N;s/\\\n *//;b next' -e '}' /etc/redis/*.acl >/tmp/rules
while read -r keyword name rules; do
  [ "$keyword" = user ] || continue # a comment, or an empty line
  password_rule=$(hashed_password "$name")
  echo "user $name on $password_rule $rules"
done </tmp/rules >>/tmp/users.acl
exec redis-server "$@" --aclfile /tmp/users.acl
