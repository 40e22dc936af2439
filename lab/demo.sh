#!/usr/bin/env bash
# `make demo`: on this machine where what it needs is there or can be installed; else in a container, where Docker answers,
# with nothing else of this machine's. IN_DOCKER=1 chooses the container anyway.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
IMAGE=${CALLGATE_LAB_IMAGE:-callgate-lab}

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && command -v "$PYTHON" >/dev/null; }
is_set_up() { [ -x .venv/bin/python ] && command -v redis-server espeak-ng sox >/dev/null && .venv/bin/python -m lab.install >/dev/null 2>&1; }
docker_answers() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

in_docker() {
  local terminal=()
  [ -t 0 ] && [ -t 1 ] && terminal=(--interactive --tty)
  printf 'Docker: building the image of the lab (two minutes, once)\n' >&2
  docker build --quiet --network "${BUILD_NETWORK:-host}" --file lab/Dockerfile --tag "$IMAGE" \
    --build-arg "BASE=${ASTERISK_BASE:-debian:sid-slim}" . >/dev/null
  mkdir -p .lab
  # Its host's network: the live page is at this machine's 127.0.0.1:8080, and the phones have its loopback to themselves.
  exec docker run --rm --init ${terminal[@]+"${terminal[@]}"} --network host --env ONCE="${ONCE:-}" \
    --volume "$PWD/.lab:/results" "$IMAGE" demo "$@"
}

if [ -z "${IN_DOCKER:-}" ] && { is_set_up || can_install || ! docker_answers; }; then
  lab/setup.sh all
  exec .venv/bin/python -m lab demo "$@"
fi
in_docker "$@"
