#!/bin/sh
# Render what is missing of the prompts, write the dialplan's emergency numbers beside them, and become callgate.
set -eu
export CALLGATE_CONFIG=/etc/callgate/callgate.toml
callgate prompts build >&2
callgate dialplan emergency >/var/lib/callgate-prompts/callgate-emergency.conf
exec callgate serve
