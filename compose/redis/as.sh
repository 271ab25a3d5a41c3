#!/bin/sh
# Runs redis-cli as a user of users.acl. The stack has it as redis-as:
#
#   docker compose exec redis-service redis-as operator get page_views
#
# The password is in the environment of redis-cli, where only this user and root can see it, and not
# in its arguments, which everybody can. Exit status: 1 if Redis answers with an error.
set -eu
user=$1
shift
REDISCLI_AUTH=$(tr -d '\r' <"/run/secrets/$user-password")
export REDISCLI_AUTH
exec redis-cli -e --user "$user" "$@"
