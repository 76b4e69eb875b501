#!/bin/sh
# Takes down what deploy.sh has made: the resource group with everything in it, uploads and results too.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/words.sh"

usage() {
    cat <<'USAGE'
destroy.sh --group NAME [--what-if] [--yes]

  --what-if   only list what would be deleted
  --yes       do not ask
USAGE
}

group='' what_if=no sure=no
while [ $# -gt 0 ]; do
    case $1 in
        --group)
            [ $# -ge 2 ] || fail "--group needs a value"
            group=$2
            shift
            ;;
        --what-if) what_if=yes ;;
        --yes) sure=yes ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; fail "unknown option $1" ;;
    esac
    shift
done
[ -n "$group" ] || { usage >&2; fail "--group is needed"; }
command -v az >/dev/null || fail "the Azure CLI is not here: https://learn.microsoft.com/cli/azure/install-azure-cli"
az account show --output none 2>/dev/null || fail "no one is signed in: run 'az login' first"

if [ "$(az group exists --name "$group")" != true ]; then
    say "there is no group $group: nothing to do"
    exit 0
fi
say "all of this, with every upload and result in it:"
az resource list --resource-group "$group" --query "[].{name: name, type: type}" --output table
[ "$what_if" = no ] || exit 0
agreed "Delete the group $group with everything in it?"
az group delete --name "$group" --yes --output none \
    || fail "the group $group was not deleted: a lock on it, or a missing right; the lines above say which"
say "gone. The vault's secrets can be taken back for a week, which deploy.sh does if it is run again"
