#!/usr/bin/env bash
# The main job, from an empty cluster to an empty cluster. Every command is
# printed before it runs, and must end with the exit code that is said here.
set -euo pipefail
cd "$(dirname "$0")"
PATH="$PWD/bin:$PATH"

# Colour only where a person watches.
bold='' blue='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' blue=$'\e[36m' plain=$'\e[0m'; fi

# say tells what comes next.
say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

# run CODE COMMAND… prints a command, runs it, and expects its exit code.
run() {
  local want=$1 got=0
  shift
  printf '%s$ %s%s\n' "$blue" "$*" "$plain"
  "$@" || got=$?
  if [ "$got" != "$want" ]; then
    printf 'demo: exit %s, expected %s\n' "$got" "$want" >&2
    exit 1
  fi
}

say "Build belay, and a Kubernetes control plane to play with (minutes the first time, then seconds)"
run 0 make --silent build playground

say "Start a cluster: etcd, API server, controllers, scheduler, and nodes that pretend to run pods"
demo=demo-$$
end() {
  say "End the cluster; nothing stays behind"
  run 0 playground down --name "$demo"
}
trap end EXIT
printf '%s$ export KUBECONFIG=$(playground up --name %s)%s\n' "$blue" "$demo" "$plain"
KUBECONFIG=$(playground up --name "$demo")
export KUBECONFIG

say "Deploy two applications and an Ingress. The plan comes first; the namespace is part of it"
run 0 belay apply examples/microservices -e dev --yes

say "What runs?"
run 0 belay status shop -n shop-dev

say "A new version of one of them: what would change? (exit 2: there are changes)"
run 2 belay diff examples/microservices -e dev --set front.image.tag=3.14-alpine

say "Just that. Do it"
run 0 belay apply examples/microservices -e dev --set front.image.tag=3.14-alpine --yes

say "What happened so far?"
run 0 belay history shop -n shop-dev

say "Now break it: an image that nobody can pull. belay does not wait for the timeout (exit 6: not healthy)"
run 6 belay apply examples/microservices -e dev --set front.image.repository=registry.invalid/front --yes

say "Back to what worked"
run 0 belay rollback shop -n shop-dev --yes
run 0 belay status shop -n shop-dev
run 0 belay history shop -n shop-dev

say "And away with it"
run 0 belay delete shop -n shop-dev --yes
run 0 belay list -A
