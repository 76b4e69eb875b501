#!/bin/sh
# Download the models of a list, each from the first mirror whose copy has the right size and SHA-256:
#   fetch-models.sh LIST FOLDER MIRROR...
# A mirror is an address with {name} and, where needed, {share} in it. A file that fails the check is removed.
set -eu
list=$1 folder=$2
shift 2

# fetch NAME BYTES SHA256 SHARE MIRROR...
fetch() {
    name=$1 bytes=$2 sha256=$3 share=$4
    shift 4
    for mirror in "$@"; do
        address=$(printf '%s\n' "$mirror" | sed "s|{name}|$name|g; s|{share}|$share|g")
        # --max-filesize cuts off an answer far too large; a web page instead of a model fails the check. A mirror that
        # sends less than 10 kB/s for a minute is given up for the next one.
        if curl --fail --silent --show-error --location --retry 3 --connect-timeout 30 \
            --speed-limit 10000 --speed-time 60 \
            --max-filesize "$bytes" --output "$folder/$name.part" "$address" &&
            [ "$(wc -c <"$folder/$name.part")" -eq "$bytes" ] &&
            echo "$sha256  $folder/$name.part" | sha256sum --check --status; then
            mv "$folder/$name.part" "$folder/$name"
            echo "$name: whole, from $address"
            return 0
        fi
        rm -f "$folder/$name.part"
        echo "$name: not there, or not the known file: $address" >&2
    done
    echo "ERROR: no mirror has $name with $bytes bytes and SHA-256 $sha256" >&2
    return 1
}

mkdir -p "$folder"
# A list file and not a pipe, so that a failure ends the script and not only a subshell.
while read -r name bytes sha256 share; do
    case $name in '' | '#'*) continue ;; esac
    fetch "$name" "$bytes" "$sha256" "$share" "$@"
done <"$list"
