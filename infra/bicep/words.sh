#!/bin/sh
# Shared by deploy.sh and destroy.sh: messages, questions, waiting, and making keys.
# shellcheck disable=SC2154  # `sure` is set by the script that sources this file

say() {
    printf '%s\n' "· $*" >&2
}

fail() {
    printf '%s\n' "Stopped: $*." >&2
    exit 1
}

# agreed QUESTION: goes on with a yes, or with --yes.
agreed() {
    [ "$sure" = no ] || return 0
    [ -t 0 ] || fail "there is no terminal to ask '$1'; --yes agrees beforehand"
    printf '%s [y/N] ' "$1" >&2
    read -r answer
    case $answer in
        y | Y | yes) ;;
        *) fail "nothing was changed" ;;
    esac
}

# secret: a new random one of 64 hex digits.
secret() {
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# key_entry NAME SCOPES KEY: the key's entry in API_KEYS, which holds its hash only.
key_entry() {
    printf '%s:%s:%s' "$1" "$2" "$(printf %s "$3" | sha256sum | cut -d ' ' -f 1)"
}

# at_most SUM LIMIT: whether a sum such as '4 * 1 + 10 * 0.5' is no more than the limit.
at_most() {
    awk "BEGIN { exit !($1 <= $2) }"
}

# wait_for TRIES WHY COMMAND…: until the command succeeds, 15 s apart.
wait_for() {
    tries=$1 why=$2
    shift 2
    until "$@" 2>/dev/null; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "$why"
        sleep "${WAIT_S:-15}"
    done
}
