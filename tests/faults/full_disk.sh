#!/usr/bin/env bash
# Runs where nobody else sees it: a disk of 1 MB in the folder $1, a run that fills it, room, and the run again.
# What came of each go is copied to $2/first and $2/second. The rest of the words is the run's.
set -uo pipefail
disk=$1 kept=$2
shift 2
mount -t tmpfs -o size=1m tmpfs "$disk" || exit 99
go() {
    mkdir -p "$kept/$1"
    "${@:2}" >"$kept/$1/out" 2>"$kept/$1/err"
    echo $? >"$kept/$1/code"
    cp -r "$disk" "$kept/$1/disk"
}
go first "$PYTHON" -m tests.faults.small_disk "$@"
rm -f "$disk/filler"
mount -o remount,size=64m "$disk" || exit 99
go second "$PYTHON" -m mad.run "$@"
