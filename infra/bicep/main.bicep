// The whole service in one resource group. deploy.sh runs this three times, since some things can be made only when
// others are there: `base` (all that an image can be pushed to), `apps` (needs the image), `events` (needs the
// function app's code). Each stage contains the ones before it, so `events` is also what brings a deployment up to date.

@description('Begins every resource\'s name; small letters and digits.')
@minLength(3)
@maxLength(10)
param name string = 'media'

param location string = resourceGroup().location

@description('How far to go: see above.')
@allowed(['base', 'apps', 'events'])
param stage string = 'base'

@description('The service\'s image in this deployment\'s registry, such as `faceline:1a2b3c4`. Needed from `apps` on.')
param image string = ''

@description('Upload containers have names that begin with this. Empty: every container is one.')
param uploadContainerPrefix string = 'upload-'

@description('One upload container that many share, served by the function app\'s blob trigger; deploy.sh subscribes it.')
param sharedContainer string = ''

@description('Container of the results; `{container}` keeps them in the upload\'s own.')
param resultsContainer string = 'results'

@description('Where neither the blob nor its folder says how it was taken.')
@allowed(['posed', 'wild'])
param defaultMediaType string = 'wild'

@description('Address of the next stage, which finished results are announced to. Empty: none.')
param nextStageUrl string = ''

@description('Whether that address may be http; its links can be read on the way then.')
param nextStageAllowHttp bool = false

@description('Days after which an upload is deleted, also in `uploads-…`, `web-…` and `c-…`, where pages and client put theirs; 0: never. Needs a prefix, so that results are not meant.')
@minValue(0)
param uploadRetentionDays int = 0

@description('Days after which a result is deleted; 0: never. Needs a results container of its own.')
@minValue(0)
param resultRetentionDays int = 0

@description('Days for which deleted blobs can be brought back. Personal data lives that much longer.')
@minValue(1)
@maxValue(365)
param undeleteDays int = 7

@description('Copies of the data: in three zones, which not every region has; in one place; or in two regions.')
@allowed(['Standard_ZRS', 'Standard_LRS', 'Standard_GZRS'])
param redundancy string = 'Standard_ZRS'

@description('Ceilings: no more is started, whatever waits.')
param limits object = {
  webReplicas: 4
  workerExecutions: 10
  functionInstances: 40
}

@description('Size of a web replica, and requests of one caller a minute.')
param webSize object = {
  cpu: '1.25'
  memory: '2.5Gi'
  // Of each of three children: one that analyses, one for reports and one for series. With the process below the memory.
  childMemoryMb: 768
  rateLimitPerMinute: 6000
}

@description('Size of a worker, and the longest video it takes: its execution may last as long as that needs.')
param worker object = {
  cpu: '2'
  memory: '4Gi'
  engines: 2
  // `engines` engines and two decoders, together below the memory. OpenFace itself may need 1.5 GiB: then cpu 3, 6Gi,
  // 1792 and 896.
  engineMemoryMb: 1152
  decoderMemoryMb: 576
  maxMediaMb: 2048
  maxDurationS: 3600
}

@description('Traces of web server and workers go to Application Insights; needs an image with the extra `otel`.')
param traces bool = true

@description('Share of traces that are kept: 0 to 1.')
param traceShare string = '1.0'

@description('Galleries of people, and whom a face matches; needs an image with the extra `identity` and a database.')
param galleries bool = false

@description('Address of that database, postgresql://…. Empty: the one in the vault stays.')
@secure()
param galleriesDatabase string = ''

@description('Port of /metrics within the environment; 0: none.')
param metricsPort int = 0

@description('More engines in the image, name=/folder with commas between, that a job chooses with engine=. Empty: none.')
param enginesAvailable string = ''

@description('Who makes reports: the web server, one at a time, or the workers, by a queue of their own.')
@allowed(['web', 'worker'])
param reportsBy string = 'web'

@description('Hosts that jobs may name in callback=, with commas between; .example.org is every name below it. Empty: none.')
param callbackHosts string = ''

@description('In a private network: public addresses such as 192.0.2.0/24 that callbacks may go to, by https. Internet: all.')
param callbackAddresses array = ['Internet']

@description('Any other setting of web server, workers and sweep: [{ name: \'MAX_ATTEMPTS\', value: \'3\' }].')
param extraEnvironment array = []

@description('private: the web server is reached from a virtual network alone, storage and vault by private endpoints.')
@allowed(['public', 'private'])
param network string = 'public'

@description('Address spaces of the virtual network and its subnets, which no network connected to it uses.')
param addresses object = {
  network: '10.40.0.0/20'
  apps: '10.40.0.0/23'
  function: '10.40.4.0/24'
  endpoints: '10.40.5.0/24'
}

@description('Addresses such as 192.0.2.0/24 that may call the web server (public) or storage (private). Empty: all (public) or none.')
param allowedAddresses array = []

@description('Gigabytes of log lines and traces a day; what comes after that is lost until the next. -1: no limit.')
param dailyQuotaGb int = 5

@description('Monthly budget in the currency of the subscription, with a mail to alertEmail. 0: none.')
@minValue(0)
param monthlyBudget int = 0

@description('First day of the budget: of the current month.')
param budgetStart string = utcNow('yyyy-MM-01')

@description('Alerts go here. Empty: they are only shown in the portal.')
param alertEmail string = ''

@description('When an alert is raised.')
param alertLimits object = {
  oldestMessageS: 1800
  failurePercent: 20
}

@description('Object id of the person who deploys, for the smoke test: may write uploads. Empty: no person may.')
param operatorId string = ''

@description('Hashes of the API\'s keys, as `python -m service key new` prints them. Empty: those in the vault stay.')
@secure()
param apiKeys string = ''

@description('The function app\'s own key. Empty: the one in the vault stays.')
@secure()
param serviceApiKey string = ''

@description('Signs browser sessions; 32 characters or more. Empty: the one in the vault stays.')
@secure()
param sessionSecret string = ''

@description('Signs announcements to the next stage; 16 characters or more. Empty: the one in the vault stays.')
@secure()
param nextStageSecret string = ''

@description('Signs callbacks; 16 characters or more. Empty: the one in the vault stays.')
@secure()
param callbackSecret string = ''

var suffix = take(uniqueString(resourceGroup().id), 8)
var queueName = 'analysis-jobs'
var tableName = 'analysisjobs'
var deadLetterContainer = 'dead-letters'
var withApps = stage != 'base'
var isPrivate = network == 'private'
// A public web server with a list of allowed addresses has to know the address of the function app.
var withNetwork = isPrivate || !empty(allowedAddresses)
var traceVariables = traces ? [
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: watching.outputs.connectionString }
  { name: 'OTEL_TRACES_SAMPLER_ARG', value: traceShare }
] : []
var metricsVariables = metricsPort == 0 ? [] : [
  { name: 'METRICS_PORT', value: string(metricsPort) }
  { name: 'METRICS_HOST', value: '0.0.0.0' }
]
var engineVariables = empty(enginesAvailable) ? [] : [
  { name: 'ENGINES_AVAILABLE', value: enginesAvailable }
]
var reportVariables = reportsBy == 'web' ? [] : [
  { name: 'REPORTS_BY', value: reportsBy }
]
var environmentVariables = concat(traceVariables, metricsVariables, engineVariables, reportVariables, extraEnvironment)

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: { name: name, location: location }
}

module watching 'modules/watching.bicep' = {
  name: 'watching'
  params: { name: name, location: location, dailyQuotaGb: dailyQuotaGb }
}

module virtualNetwork 'modules/network.bicep' = if (withNetwork) {
  name: 'network'
  params: {
    name: name
    location: location
    addresses: addresses
    isPrivate: isPrivate
    callbackAddresses: empty(callbackHosts) ? [] : callbackAddresses
  }
}

module privateEndpoints 'modules/private-endpoints.bicep' = if (isPrivate) {
  name: 'private-endpoints'
  params: {
    name: name
    location: location
    networkId: virtualNetwork.outputs.id
    subnetId: virtualNetwork.outputs.endpointsSubnetId
    storageName: storage.outputs.name
    functionStorageName: functionStorage.outputs.name
    vaultName: vault.outputs.name
    appsDomain: environment.outputs.domain
    appsAddress: environment.outputs.address
  }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0 && !empty(alertEmail)) {
  name: 'budget'
  params: { name: name, amount: monthlyBudget, email: alertEmail, start: budgetStart }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: { name: '${name}${suffix}', location: location }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: '${name}${suffix}'
    location: location
    queueName: queueName
    tableName: tableName
    resultsContainer: resultsContainer
    deadLetterContainer: deadLetterContainer
    uploadContainerPrefix: uploadContainerPrefix
    sharedContainer: sharedContainer
    uploadRetentionDays: uploadRetentionDays
    resultRetentionDays: resultRetentionDays
    undeleteDays: undeleteDays
    redundancy: redundancy
    isPrivate: isPrivate
    allowedAddresses: allowedAddresses
  }
}

module functionStorage 'modules/function-storage.bicep' = {
  name: 'function-storage'
  params: {
    name: '${name}fn${suffix}'
    location: location
    redundancy: redundancy
    isPrivate: isPrivate
    allowedAddresses: allowedAddresses
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: '${name}-${suffix}'
    location: location
    isPrivate: isPrivate
    apiKeys: apiKeys
    serviceApiKey: serviceApiKey
    sessionSecret: sessionSecret
    nextStageSecret: nextStageSecret
    galleriesDatabase: galleriesDatabase
    callbackSecret: callbackSecret
  }
}

module topic 'modules/topic.bicep' = {
  name: 'topic'
  params: { name: '${name}-uploads', location: location, storageName: storage.outputs.name }
}

module access 'modules/access.bicep' = {
  name: 'access'
  params: {
    storageName: storage.outputs.name
    functionStorageName: functionStorage.outputs.name
    registryName: registry.outputs.name
    vaultName: vault.outputs.name
    insightsName: watching.outputs.insightsName
    queueName: queueName
    tableName: tableName
    resultsContainer: resultsContainer
    deadLetterContainer: deadLetterContainer
    sharedContainer: sharedContainer
    withNextStage: !empty(nextStageUrl)
    withGalleries: galleries
    withCallbacks: !empty(callbackHosts)
    web: identities.outputs.web.principalId
    worker: identities.outputs.worker.principalId
    function: identities.outputs.function.principalId
    topic: topic.outputs.principalId
    operatorId: operatorId
  }
}

module environment 'modules/environment.bicep' = {
  name: 'environment'
  params: {
    name: '${name}-apps'
    location: location
    workspaceId: watching.outputs.workspaceId
    subnetId: isPrivate ? virtualNetwork.outputs.appsSubnetId : ''
  }
}

module web 'modules/web.bicep' = if (withApps) {
  name: 'web'
  params: {
    name: '${name}-web'
    location: location
    environmentId: environment.outputs.id
    image: '${registry.outputs.server}/${image}'
    registryServer: registry.outputs.server
    identityId: identities.outputs.web.id
    clientId: identities.outputs.web.clientId
    vaultUri: vault.outputs.uri
    storageName: storage.outputs.name
    queueName: queueName
    tableName: tableName
    resultsContainer: resultsContainer
    defaultMediaType: defaultMediaType
    maxReplicas: limits.webReplicas
    cpu: webSize.cpu
    memory: webSize.memory
    rateLimitPerMinute: webSize.rateLimitPerMinute
    childMemoryMb: webSize.childMemoryMb
    allowedAddresses: isPrivate || empty(allowedAddresses) ? [] : concat(allowedAddresses, [virtualNetwork.outputs.functionAddress])
    maxMediaMb: worker.maxMediaMb
    withGalleries: galleries
    callbackHosts: callbackHosts
    environment: environmentVariables
  }
  dependsOn: [access]
}

module workerJob 'modules/worker.bicep' = if (withApps) {
  name: 'worker'
  params: {
    name: '${name}-worker'
    location: location
    environmentId: environment.outputs.id
    image: '${registry.outputs.server}/${image}'
    registryServer: registry.outputs.server
    identityId: identities.outputs.worker.id
    clientId: identities.outputs.worker.clientId
    storageName: storage.outputs.name
    queueName: queueName
    tableName: tableName
    resultsContainer: resultsContainer
    maxExecutions: limits.workerExecutions
    cpu: worker.cpu
    memory: worker.memory
    engines: worker.engines
    engineMemoryMb: worker.engineMemoryMb
    decoderMemoryMb: worker.decoderMemoryMb
    vaultUri: vault.outputs.uri
    withGalleries: galleries
    callbackHosts: callbackHosts
    environment: environmentVariables
    maxMediaMb: worker.maxMediaMb
    maxDurationS: worker.maxDurationS
  }
  dependsOn: [access]
}

// Finds and mends uploads whose event was lost, and jobs that are stuck.
module sweeper 'modules/scheduled.bicep' = if (withApps) {
  name: 'sweeper'
  params: {
    name: '${name}-sweeper'
    location: location
    environmentId: environment.outputs.id
    image: '${registry.outputs.server}/${image}'
    registryServer: registry.outputs.server
    identityId: identities.outputs.worker.id
    clientId: identities.outputs.worker.clientId
    storageName: storage.outputs.name
    queueName: queueName
    tableName: tableName
    resultsContainer: resultsContainer
    defaultMediaType: defaultMediaType
    vaultUri: vault.outputs.uri
    withGalleries: galleries
    environment: environmentVariables
    words: ['sweep', '--mend', '--json']
    schedule: '17 * * * *'
    timeLimitS: 1800
  }
  dependsOn: [access]
}

// Logs the queues' state, which the alerts read.
module queueWatch 'modules/scheduled.bicep' = if (withApps) {
  name: 'queue-watch'
  params: {
    name: '${name}-queues'
    location: location
    environmentId: environment.outputs.id
    image: '${registry.outputs.server}/${image}'
    registryServer: registry.outputs.server
    identityId: identities.outputs.worker.id
    clientId: identities.outputs.worker.clientId
    storageName: storage.outputs.name
    queueName: queueName
    tableName: tableName
    resultsContainer: resultsContainer
    defaultMediaType: defaultMediaType
    vaultUri: vault.outputs.uri
    withGalleries: false
    environment: environmentVariables
    words: ['queues']
    schedule: '*/5 * * * *'
    timeLimitS: 120
  }
  dependsOn: [access]
}

module functionApp 'modules/function.bicep' = if (withApps) {
  name: 'function'
  params: {
    name: '${name}-function-${suffix}'
    location: location
    identityId: identities.outputs.function.id
    clientId: identities.outputs.function.clientId
    storageName: functionStorage.outputs.name
    deploymentContainer: functionStorage.outputs.deploymentContainer
    mediaStorageName: storage.outputs.name
    insightsName: watching.outputs.insightsName
    vaultUri: vault.outputs.uri
    serviceUrl: web.outputs.url
    uploadContainerPrefix: uploadContainerPrefix
    sharedContainer: sharedContainer
    resultsContainer: resultsContainer
    defaultMediaType: defaultMediaType
    nextStageUrl: nextStageUrl
    nextStageAllowHttp: nextStageAllowHttp
    maxInstances: limits.functionInstances
    subnetId: withNetwork ? virtualNetwork.outputs.functionSubnetId : ''
  }
  dependsOn: [access]
}

module subscriptions 'modules/subscriptions.bicep' = if (stage == 'events') {
  name: 'subscriptions'
  params: {
    topicName: topic.outputs.name
    functionAppName: functionApp.outputs.name
    storageName: storage.outputs.name
    resultsContainer: resultsContainer
    deadLetterContainer: deadLetterContainer
  }
  dependsOn: [access]
}

module alerts 'modules/alerts.bicep' = if (withApps) {
  name: 'alerts'
  params: {
    name: name
    location: location
    workspaceId: watching.outputs.workspaceId
    topicName: topic.outputs.name
    webName: web.outputs.name
    jobNames: [workerJob.outputs.name, sweeper.outputs.name, queueWatch.outputs.name]
    email: alertEmail
    oldestMessageS: alertLimits.oldestMessageS
    failurePercent: alertLimits.failurePercent
  }
  // The table of the log lines exists only once the environment has sent some, and the queries are not checked.
  dependsOn: [environment]
}

output registryName string = registry.outputs.name
output storageName string = storage.outputs.name
output vaultName string = vault.outputs.name
output topicName string = topic.outputs.name
output resultsContainer string = resultsContainer
output deadLetterContainer string = deadLetterContainer
output uploadContainerPrefix string = uploadContainerPrefix
output sharedContainer string = sharedContainer
output webUrl string = withApps ? web.outputs.url : ''
output functionAppName string = withApps ? functionApp.outputs.name : ''
output network string = network
output environmentName string = environment.outputs.name
// Processors that run at once at most, as a sum: deploy.sh compares it with the subscription's quota.
output coresAtMost string = '${limits.webReplicas} * ${webSize.cpu} + ${limits.workerExecutions} * ${worker.cpu} + 2 * 0.25'
