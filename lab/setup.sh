#!/usr/bin/env bash
# Puts on this machine what the lab needs, and says what it does while it does it.
#
#   lab/setup.sh services   programs by apt: Redis, PostgreSQL, espeak-ng, sox, debootstrap, …
#   lab/setup.sh python     .venv and node_modules, from the hashes in requirements-dev.lock and package-lock.json
#   lab/setup.sh asterisk   Asterisk 22 in the cache, unless this machine has an asterisk that does
#   lab/setup.sh docker     an engine, Compose and a base image, for the test of docker-compose.yml
#   lab/setup.sh all        all of them
#
# What is there already is left alone, so a second run costs a fraction of a second.
#
#   PYTHON=python3                 the interpreter that makes .venv (3.11 or newer)
#   CALLGATE_CACHE=~/.cache/callgate   where the Asterisk root goes
#   CALLGATE_ASTERISK=system|root|docker   which Asterisk, instead of the system's where it suffices
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PATH=$PATH:/usr/sbin:/sbin # debootstrap and others are there, and not on everybody's PATH
PYTHON=${PYTHON:-python3}
CACHE=${CALLGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/callgate}
ROOT=$CACHE/asterisk-22

say() { printf '%s\n' "$*" >&2; }
fail() { say "lab/setup.sh: $*"; exit 1; }
have() { command -v "$1" >/dev/null; }

# quietly LOG COMMAND…: its output goes to LOG, whose end is shown when it fails.
quietly() {
  local log=$1
  shift
  "$@" >>"$log" 2>&1 || { tail -n 15 "$log" >&2; fail "failed: $* (all of it in $log)"; }
}

# --- programs -------------------------------------------------------------------------------------------------------

# The command that must be there, and the Debian package that brings it.
PROGRAMS="redis-server:redis-server espeak-ng:espeak-ng sox:sox debootstrap:debootstrap make:make git:git
          pg_ctlcluster:postgresql ss:iproute2 flock:util-linux setpriv:util-linux
          chromium:chromium opusenc:opus-tools fc-list:fontconfig"

missing_packages() {
  local entry
  for entry in $PROGRAMS; do
    have "${entry%%:*}" || echo "${entry#*:}"
  done
  # Debian's python3 comes without what `-m venv` needs; a pyenv or a built one has it.
  [ -x .venv/bin/python ] || "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

services() {
  local packages
  packages=$(missing_packages | sort -u | tr '\n' ' ')
  [ -n "$packages" ] || return 0
  have apt-get || fail "missing on this machine: $packages(there is no apt-get; install what brings these commands)"
  [ "$(id -u)" = 0 ] || fail "missing on this machine; run: sudo apt-get install --no-install-recommends $packages"
  say "Debian packages: installing $packages"
  # shellcheck disable=SC2086 # a list of words
  install_packages $packages
}

install_packages() {
  local log
  log=$(mktemp) # apt takes minutes on a slow line: the log is worth something only when it fails
  without_starting_services
  apt-get install -y --no-install-recommends "$@" >"$log" 2>&1 </dev/null || {
    quietly "$log" apt-get update
    quietly "$log" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
  }
  rm -f "$log"
}

# Debian starts a daemon the moment it is installed. The lab brings its own Redis up, and a server that nobody asked
# for must not stay behind: policy-rc.d says no to invoke-rc.d (see its manual page) until this script is done.
without_starting_services() {
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
}

# --- Python ---------------------------------------------------------------------------------------------------------

python() {
  packages
  script
}

packages() {
  local wanted stamp=.venv/.installed
  wanted=$(cat requirements-dev.lock pyproject.toml | sha256sum)
  if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return 0; fi
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$PYTHON is $("$PYTHON" --version 2>&1); callgate needs Python 3.11 or newer: PYTHON=python3.11 $0 python"
  say "Python: installing the locked packages into .venv"
  local log=.venv/install.log
  "$PYTHON" -m venv .venv
  : >"$log"
  quietly "$log" .venv/bin/python -m pip install --require-hashes -r requirements-dev.lock
  # The lock holds the build backend too, so that nothing is fetched without a hash.
  quietly "$log" .venv/bin/python -m pip install --no-deps --no-build-isolation -e .
  # A dependency that pyproject.toml names and the lock does not: `make lock` was forgotten.
  quietly "$log" .venv/bin/python -m pip check
  echo "$wanted" >"$stamp"
}

# What checks the script of the pages, from the hashes in package-lock.json; node and npm are Python packages.
script() {
  local wanted stamp=node_modules/.installed
  wanted=$(sha256sum <package-lock.json)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return 0; fi
  say "Script of the pages: installing what checks it into node_modules"
  quietly .venv/install.log env PATH="$PWD/.venv/bin:$PATH" .venv/bin/npm ci --ignore-scripts
  echo "$wanted" >"$stamp"
}

# --- Asterisk -------------------------------------------------------------------------------------------------------

asterisk() {
  # lab/install.py knows what suffices; it needs the standard library only.
  ! "$PYTHON" -m lab.install >/dev/null 2>&1 || return 0
  [ "${CALLGATE_ASTERISK:-root}" != system ] || "$PYTHON" -m lab.install || exit 1
  [ "$(id -u)" = 0 ] || fail "Asterisk: debootstrap needs root. Run once: sudo CALLGATE_CACHE=$CACHE $0 asterisk
  (or LAB=docker where an engine answers, or an asterisk 20 or newer of this machine's and LAB=system)"
  mkdir -p "$CACHE"
  exec 9>"$CACHE/asterisk-22.lock"
  flock --nonblock 9 || { say "Asterisk 22: another build is under way, waiting for it"; flock 9; }
  [ ! -d "$ROOT" ] || return 0
  say "Asterisk 22: fetching a Debian root (about a minute, once)"
  build_root "$ROOT.building" "$CACHE/asterisk-22.log"
  mv -T "$ROOT.building" "$ROOT" # whole or not at all
  "$PYTHON" -m lab.install >&2 || fail "$ROOT was built but does not serve; remove it, and see $CACHE/asterisk-22.log"
}

build_root() {
  local tree=$1 log=$2
  clear_away "$tree"
  : >"$log"
  quietly "$log" debootstrap --variant=minbase sid "$tree"
  printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
  chmod 755 "$tree/usr/sbin/policy-rc.d"
  say "Asterisk 22: installing asterisk into it"
  # A mirror may be frozen, and its Release file past its date: what it signs is what counts here.
  quietly "$log" in_root "$tree" apt-get -o Acquire::Check-Valid-Until=false update
  quietly "$log" in_root "$tree" apt-get -o Acquire::Check-Valid-Until=false install -y --no-install-recommends \
    asterisk asterisk-modules
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,info,locale,lintian}
}

in_root() {
  local tree=$1
  shift
  env DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$tree" "$@" </dev/null
}

# A killed debootstrap leaves its tree, with /proc and /sys mounted in it.
clear_away() {
  local tree=$1
  [ -e "$tree" ] || return 0
  grep -oF -- " $tree/" /proc/mounts >/dev/null && awk -v t="$tree/" 'index($2, t) == 1 { print $2 }' /proc/mounts |
    sort -r | xargs -r umount
  rm -rf --one-file-system "$tree"
}

# What the test of docker-compose.yml needs where no engine answers and no image registry can be reached.
docker() {
  local base=$CACHE/docker-base compose=$CACHE/docker-compose
  if ! command -v dockerd >/dev/null && ! command docker info >/dev/null 2>&1; then
    say "Docker: installing an engine"
    quietly "$CACHE/docker.log" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends docker.io iptables
  fi
  mkdir -p "$CACHE"
  exec 9>"$CACHE/docker.lock"
  flock 9
  [ -x "$compose" ] || fetch_compose "$compose"
  [ -d "$base" ] || build_base "$base" "$CACHE/docker-base.log"
}

# Compose 2 is in the Debian after this one, as one static program: it is taken from there without making that release a
# source of this machine. The mirror is the machine's own.
fetch_compose() {
  local work
  command docker compose version >/dev/null 2>&1 && return 0
  say "Docker: fetching Compose"
  work=$(mktemp -d)
  mkdir -p "$work/parts" "$work/lists/partial"
  cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null | grep -v '^#' |
    grep -oE '(https?|file|mirror\+file)://?[^ ]+' | grep -v security | sed -n 1p >"$work/mirror" || true
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s trixie main\n' "$(cat "$work/mirror")" >"$work/parts/trixie.list"
  (
    cd "$work"
    from="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$work/parts -o Dir::State::lists=$work/lists"
    # shellcheck disable=SC2086
    apt-get $from -o Acquire::Check-Valid-Until=false update -qq && apt-get $from download -qq docker-compose
    dpkg -x docker-compose_*.deb tree
  ) >"$CACHE/docker.log" 2>&1 || fail "Compose could not be fetched; see $CACHE/docker.log"
  install -m 0755 "$work/tree/usr/libexec/docker/cli-plugins/docker-compose" "$1"
  rm -rf "$work"
}

build_base() {
  local tree=$1.building log=$2
  clear_away "$tree"
  : >"$log"
  say "Docker: making a base image (about a minute, once)"
  quietly "$log" debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,espeak-ng,sox,redis-server \
    bookworm "$tree"
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,info,locale,lintian}
  # Builds inside trust whom this machine trusts.
  cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$tree/etc/pip.conf"
  mv -T "$tree" "$1"
}

case ${1:-all} in
  services | python | asterisk | docker) "$1" ;;
  all) services; python; asterisk; docker ;;
  *) fail "unknown verb '$1': services, python, asterisk, docker or all" ;;
esac
