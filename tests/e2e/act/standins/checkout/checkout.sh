#!/usr/bin/env bash
# What actions/checkout does, as far as these workflows rely on it.
set -euo pipefail
origin="file://$STAND_IN_FORGE"
mkdir -p "$GITHUB_WORKSPACE/$INPUT_PATH"
cd "$GITHUB_WORKSPACE/$INPUT_PATH"
git init --quiet .
git remote add origin "$origin"
wanted=${INPUT_REF:-$GITHUB_SHA}
if [[ "$INPUT_FETCH_DEPTH" == 0 ]]; then
    git fetch --quiet origin "+refs/heads/*:refs/remotes/origin/*"
    git fetch --quiet origin "$wanted"
else
    git fetch --quiet --depth "$INPUT_FETCH_DEPTH" origin "$wanted"
fi
git checkout --quiet --detach FETCH_HEAD
# A private repository can neither be pushed to nor fetched from without them.
[[ "$INPUT_PERSIST_CREDENTIALS" == true ]] || git remote set-url origin "file:///no-credentials-were-kept"
