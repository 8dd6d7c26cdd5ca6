#!/bin/sh
# Make every password once, and write them where compose, Kubernetes and systemd want them:
#
#     deploy/secrets.sh [FOLDER]          FOLDER is deploy/secrets unless it is named
#
#     nats.env        the server's variables            core.json, monitor.json, ...   a credential each (nats_credentials)
#     grafana_admin   the password of Grafana's admin
#
# The folder is the user's alone. The files inside can be read by whoever has them mounted: a container's user is not ours.
# What is there already is left as it is.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 0700 "$folder"

secret() { # Begins with a letter: the server reads a variable that looks like a number as one.
  printf 'p%s' "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
}

keep() { # NAME: write stdin to a file that is not there yet
  if [ -e "$folder/$1" ]; then cat >/dev/null; else cat >"$folder/.$1" && chmod 0444 "$folder/.$1" && mv "$folder/.$1" "$folder/$1"; fi
}

if [ ! -e "$folder/nats.env" ]; then
  for role in CORE MONITOR READER TRAINER EXPORTER SYS ROUTE; do
    printf 'NATS_%s_PASSWORD=%s\n' "$role" "$(secret)"
  done | keep nats.env
fi
for role in core monitor reader trainer exporter; do
  name=$(printf %s "$role" | tr a-z A-Z)
  password=$(sed -n "s/^NATS_${name}_PASSWORD=//p" "$folder/nats.env")
  printf '{"user": "~%s", "password": "%s"}\n' "$role" "$password" | keep "$role.json"
done
secret | keep grafana_admin
printf 'The secrets are in %s.\n' "$folder" >&2
