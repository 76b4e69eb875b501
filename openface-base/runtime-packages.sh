#!/bin/sh
# Print the packages of the shared libraries that programs name themselves, one a line:
#   runtime-packages.sh [--without SONAME_PREFIX] PROGRAM...
# Run in the build stage, so that the final stage installs the linked packages and no guessed ones; apt adds the
# packages that those need.
set -eu
without=
if [ "$1" = --without ]; then
    without=$2
    shift 2
fi

objdump -p "$@" | awk '$1 == "NEEDED" { print $2 }' | sort -u | while read -r soname; do
    case $soname in "${without:-/}"*) continue ;; esac
    library=$(ldconfig -p | awk -v name="$soname" '$1 == name { print $NF; exit }')
    # The C library's loader is in no cache, and is always installed.
    [ -n "$library" ] || continue
    # By the file's name: where /lib is a link to /usr/lib, the package may know either path.
    dpkg-query --search "*/$(basename "$(readlink -f "$library")")" | cut -d: -f1
done | sort -u
