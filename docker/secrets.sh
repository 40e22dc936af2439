#!/bin/sh
# Make the secrets that docker-compose.yml hands to the containers as files. What is there already is left as it is.
set -eu
cd "$(dirname "$0")"
umask 0027
mkdir -p secrets
hex() { od -An -tx1 -N32 /dev/urandom | tr -d ' \n'; }
[ -e secrets/ami ] || hex >secrets/ami
[ -e secrets/token ] || hex >secrets/token
[ -e secrets/suppression ] || printf 'first %s\n' "$(hex)" >secrets/suppression
[ -e secrets/ledger ] || printf 'master first %s\nindex %s\nsigning %s\n' "$(hex)" "$(hex)" "$(hex)" >secrets/ledger
# callgate's group in its container, which nobody on this machine need be in: giving a file to it takes root.
chgrp 10001 secrets/ami secrets/token secrets/suppression secrets/ledger || { echo "run it as root: sudo docker/secrets.sh" >&2; exit 1; }
