#!/bin/sh
# Puts the whole service into one Azure resource group, or brings it up to date: `deploy.sh --group NAME`. Harmless to
# repeat. What would change is shown first and has to be agreed to.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
. "$here/words.sh"

usage() {
    cat <<'USAGE'
deploy.sh --group NAME [options]

  --group NAME        resource group; made where it is missing
  --location PLACE    where to make it (default: westeurope)
  --parameters FILE   a .bicepparam file (default: main.bicepparam beside this script)
  --engine ENGINE     lite (default), or openface: research use only, and never to be offered to others
  --extras LIST       optional packages in the image: otel (default), 'otel identity' for galleries of people, or none
  --what-if           only show what would change
  --yes               do not ask
  --no-smoke-test     do not send a picture through it at the end

Who runs it needs, on the resource group, the roles Contributor (resources) and Role Based Access Control Administrator
(the parts' own roles), or Owner; to make the group, Contributor on the subscription.

With galleries=true: DEPLOY_GALLERIES_DATABASE in the environment, the first time, is the address of their database.
With callbackHosts: DEPLOY_CALLBACK_SECRET in the environment, 16 characters or more, signs callbacks from then on. One is
made the first time where none is given; the vault has it as callback-secret.
USAGE
}

group='' location=westeurope parameters=$here/main.bicepparam engine=lite extras=otel image='' what_if=no sure=no smoke_test=yes
while [ $# -gt 0 ]; do
    case $1 in
        --group | --location | --parameters | --engine | --extras)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --group) group=$2 ;;
                --location) location=$2 ;;
                --parameters) parameters=$2 ;;
                --engine) engine=$2 ;;
                --extras) extras=$2 ;;
            esac
            shift
            ;;
        --what-if) what_if=yes ;;
        --yes) sure=yes ;;
        --no-smoke-test) smoke_test=no ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; fail "unknown option $1" ;;
    esac
    shift
done
[ -n "$group" ] || { usage >&2; fail "--group is needed"; }
[ -f "$parameters" ] || fail "there is no parameter file $parameters"
case $engine in lite | openface) ;; *) fail "--engine is lite or openface" ;; esac
[ "$extras" != none ] || extras=''
for extra in $extras; do
    [ -f "$repository/requirements-$extra.txt" ] || fail "there are no packages called $extra: otel, identity or none"
done

# deployment STAGE: one stage of main.bicep, after a look at what it would change.
deployment() {
    stage=$1
    # Read by the parameter file: words of a command line are there for all to see.
    export DEPLOY_STAGE="$stage" DEPLOY_IMAGE="$image" DEPLOY_OPERATOR="$operator"
    set -- --resource-group "$group" --parameters "$parameters"
    say "what stage '$stage' would change:"
    az deployment group what-if "$@" || fail "Azure refuses the template: the lines above say why"
    [ "$what_if" = no ] || return 0
    agreed "Make these changes?"
    az deployment group create --name "media-$stage" "$@" --output none \
        || fail "stage '$stage' did not succeed. 'az deployment operation group list -g $group -n media-$stage' names the resource. Run this again once it is repaired: existing resources stay as they are"
}

# output NAME: what the last stage gave.
output() {
    az deployment group show --resource-group "$group" --name "media-$stage" \
        --query "properties.outputs.$1.value" --output tsv || fail "the deployment has no output $1"
}

# has_secret NAME: whether the vault has it; its value is not looked at.
has_secret() {
    az resource show --resource-group "$group" --namespace Microsoft.KeyVault --parent "vaults/$vault" \
        --resource-type secrets --name "$1" --output none 2>/dev/null
}

sign_in() {
    command -v az >/dev/null || fail "the Azure CLI is not here: https://learn.microsoft.com/cli/azure/install-azure-cli"
    az account show --output none 2>/dev/null || fail "no one is signed in: run 'az login' first"
    # A service principal, as in CI, is no user: it has its own right to write blobs, or no smoke test.
    operator=$(az ad signed-in-user show --query id --output tsv 2>/dev/null || true)
}

ready_group() {
    if [ "$(az group exists --name "$group")" != true ]; then
        [ "$what_if" = no ] || fail "there is no group $group yet, so Azure cannot tell what would change; run without --what-if"
        agreed "Make the resource group $group in $location?"
        az group create --name "$group" --location "$location" --output none || fail "the group $group could not be made"
    fi
    # A vault that destroy.sh has deleted keeps its name for a week and must be taken back.
    for lost in $(az keyvault list-deleted --query "[?contains(properties.vaultId, '/resourceGroups/$group/')].name" --output tsv); do
        say "taking back the deleted vault $lost"
        az keyvault recover --name "$lost" --output none || fail "the vault $lost could not be taken back"
    done
}

# The first time, secrets are made here and go nowhere but into the vault.
lay_the_base() {
    vault=$(az keyvault list --resource-group "$group" --query "[0].name" --output tsv)
    if [ -z "$vault" ] || ! has_secret service-api-key; then
        DEPLOY_SERVICE_API_KEY="fl_$(secret)" DEPLOY_SESSION_SECRET=$(secret) DEPLOY_NEXT_STAGE_SECRET=$(secret)
        DEPLOY_API_KEYS=$(key_entry function analyse+read "$DEPLOY_SERVICE_API_KEY")
        export DEPLOY_API_KEYS DEPLOY_SERVICE_API_KEY DEPLOY_SESSION_SECRET DEPLOY_NEXT_STAGE_SECRET
    fi
    # By itself: a deployment of an earlier release has the others and not this one.
    if [ -z "${DEPLOY_CALLBACK_SECRET:-}" ] && { [ -z "$vault" ] || ! has_secret callback-secret; }; then
        DEPLOY_CALLBACK_SECRET=$(secret)
        export DEPLOY_CALLBACK_SECRET
    fi
    deployment base
    unset DEPLOY_API_KEYS DEPLOY_SERVICE_API_KEY DEPLOY_SESSION_SECRET DEPLOY_NEXT_STAGE_SECRET DEPLOY_GALLERIES_DATABASE
    unset DEPLOY_CALLBACK_SECRET
}

# More processors than the quota are never started: jobs would wait, and only a log line of the platform would say why.
check_quota() {
    needed=$(output coresAtMost)
    limit=$(az containerapp env list-usages --resource-group "$group" --name "$(output environmentName)" \
        --query "[?name.value=='ManagedEnvironmentConsumptionCores'].limit | [0]" --output tsv 2>/dev/null) || limit=''
    case $limit in
        '' | *[!0-9.]*) say "the quota of processors cannot be read; up to $needed processors may be started" ;;
        *)
            at_most "$needed" "$limit" \
                || fail "web server and workers may need $needed processors, and the quota is $limit: lower 'limits' in the parameters, or ask Azure for more (quota ManagedEnvironmentConsumptionCores)"
            ;;
    esac
}

push_image() {
    registry=$(output registryName)
    # The tag is a hash of the sources, so that unchanged ones make no new revision.
    version=$( (cd "$repository" && find Dockerfile requirements*.txt service openface_lite infra/images -type f \
        -not -path '*/models/*' -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 cat && echo "$extras") | sha256sum | cut -c 1-12)
    tagged="faceline:$engine-$version"
    if az acr repository show --name "$registry" --image "$tagged" --output none 2>/dev/null; then
        say "the registry has $tagged already"
    else
        build_image
    fi
    # By digest: what runs is what was built here, wherever the tag is moved to.
    digest=$(az acr repository show --name "$registry" --image "$tagged" --query digest --output tsv) \
        || fail "the registry does not tell the digest of $tagged"
    image="faceline@$digest"
}

build_image() {
    set -- --build-arg "EXTRAS=$extras"
    if [ "$engine" = openface ]; then
        say "building openface-base in the registry: about an hour"
        az acr build --registry "$registry" --image openface-base:current --timeout 10800 --output none "$repository/openface-base" \
            || fail "openface-base was not built: see the log above"
        set -- "$@" --build-arg "BASE=$registry.azurecr.io/openface-base:current"
    fi
    say "building $tagged in the registry: minutes"
    az acr build --registry "$registry" --image "$tagged" --timeout 3600 --output none "$@" "$repository" \
        || fail "the image was not built: see the log above"
}

publish_function() {
    app=$(output functionAppName)
    package=$(mktemp -d)/function.zip
    say "publishing the function app's code"
    (cd "$repository/cloud_function" && python3 -m zipfile -c "$package" ./*.py host.json requirements.txt) \
        || fail "the function app's code could not be packed: python3 is needed"
    az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" \
        --build-remote true --timeout 900 --output none \
        || fail "the function app's code was not taken. If this is the first time, its roles may not hold yet: run this again in some minutes"
    rm -r "$(dirname "$package")"
}

# The blob trigger's address holds a key that exists only now.
subscribe_shared_container() {
    shared=$(output sharedContainer)
    [ -n "$shared" ] || return 0
    say "subscribing the blob trigger of $shared"
    key=$(az functionapp keys list --resource-group "$group" --name "$app" --query systemKeys.blobs_extension --output tsv)
    [ -n "$key" ] || fail "the function app has no key for blob triggers yet: it has not started. Run this again in some minutes; 'az functionapp log deployment list' says more"
    storage_id=$(az storage account show --resource-group "$group" --name "$storage" --query id --output tsv)
    address="https://$app.azurewebsites.net/runtime/webhooks/blobs?functionName=Host.Functions.start_shared_analysis&code=$key"
    az eventgrid system-topic event-subscription create --resource-group "$group" --system-topic-name "$(output topicName)" \
        --name shared-uploads --endpoint-type webhook --endpoint "$address" \
        --included-event-types Microsoft.Storage.BlobCreated \
        --subject-begins-with "/blobServices/default/containers/$shared/" \
        --advanced-filter data.api StringIn PutBlob PutBlockList CopyBlob FlushWithClose SftpCommit \
        --deadletter-identity systemassigned --deadletter-identity-endpoint \
        "$storage_id/blobServices/default/containers/$(output deadLetterContainer)" \
        --max-delivery-attempts 30 --event-ttl 1440 --output none \
        || fail "the blob trigger's subscription was refused: the lines above say why"
}

# A picture goes the whole way: event, function, web server, queue, worker, results.
send_a_picture() {
    [ "$smoke_test" = yes ] || return 0
    if [ "$(output network)" = private ]; then
        say "no smoke test: storage is reached from the private network and the allowed addresses alone"
        return 0
    fi
    if [ -z "$operator" ]; then
        say "no smoke test: the signed-in identity is no user who could be allowed to upload"
        return 0
    fi
    container="$(output uploadContainerPrefix)smoke-test-$(date +%Y%m%d%H%M%S)"
    results=$(output resultsContainer)
    prefix="$container/"
    [ "$results" != '{container}' ] || { results=$container prefix=_results/; }
    say "sending a picture into $container; a first worker takes some minutes to start"
    wait_for 20 "the right to write uploads has not come into force" \
        az storage container create --account-name "$storage" --auth-mode login --name "$container" --output none
    az storage blob upload --account-name "$storage" --auth-mode login --container-name "$container" \
        --name astronaut.png --file "$repository/tests/fixtures/media/astronaut.png" --content-type image/png --output none \
        || fail "the picture could not be uploaded"
    wait_for 60 "no result has come. 'az containerapp logs show', the function app's log and the container of dead letters tell how far it got" \
        has_result "$results" "$prefix"
    az storage container delete --account-name "$storage" --auth-mode login --name "$container" --output none
    say "the picture's result is there"
}

has_result() {
    az storage blob list --account-name "$storage" --auth-mode login --container-name "$1" --prefix "$2" \
        --query "[?ends_with(name, '.csv')].name" --output tsv | grep -q .
}

sign_in
ready_group
lay_the_base
if [ "$what_if" = yes ]; then
    say "nothing was changed. The later stages can be looked at once the base is there"
    exit 0
fi
check_quota
push_image
deployment apps
publish_function
deployment events
storage=$(output storageName)
subscribe_shared_container
send_a_picture

say "all there:"
cat <<ADDRESSES
  service       $(output webUrl)   (document: /docs/)
  uploads       https://$storage.blob.core.windows.net/, containers $(output uploadContainerPrefix)…
  results       container $(output resultsContainer)
  function app  https://$app.azurewebsites.net/api/analyse/…
  secrets       vault $(output vaultName)
More callers: 'python -m service key new --name NAME' prints a key and its entry; add the entry to the vault's secret api-keys.
ADDRESSES
