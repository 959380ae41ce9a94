#!/bin/bash
# A worker: no port, no route, only a log.
trap 'exit 0' TERM
for ((tick = 1; ; tick++)); do
  echo "tick $tick for the $TEAM team"
  sleep 5 &
  wait $!
done
