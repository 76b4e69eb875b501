// The worker: executions in proportion to the queue's length. Each ends when no job has come for a minute.
// A job and not an app: scaling in would stop an app's replica in the middle of a long video.

param name string
param location string
param environmentId string
param image string
param registryServer string
param identityId string
param clientId string
param storageName string
param queueName string
param tableName string
param resultsContainer string
param vaultUri string
param withGalleries bool
param callbackHosts string

@description('More variables: [{ name: \'…\', value: \'…\' }].')
param environment array

param maxExecutions int
param cpu string
param memory string
param engines int
param engineMemoryMb int
param decoderMemoryMb int
param maxMediaMb int
param maxDurationS int

// Then it takes nothing new: an execution over its time limit is killed in the middle of a job.
var takeForS = 3600
var engineTimeLimitS = 60
var engineTimeLimitPerMediaS = 20
var longestItemS = engineTimeLimitS + engineTimeLimitPerMediaS * maxDurationS
// Fetching, preparing and publishing the largest media.
var besidesEngineS = 1800

var galleries = withGalleries ? [
  { name: 'IDENTITY', value: 'true' }
  { name: 'IDENTITY_DATABASE', secretRef: 'identity-database' }
] : []
var galleriesSecrets = withGalleries ? [
  { name: 'identity-database', keyVaultUrl: '${vaultUri}secrets/identity-database', identity: identityId }
] : []

var withCallbacks = !empty(callbackHosts)
var callbacks = withCallbacks ? [
  { name: 'CALLBACK_HOSTS', value: callbackHosts }
  { name: 'CALLBACK_SECRET', secretRef: 'callback-secret' }
] : []
var callbackSecrets = withCallbacks ? [
  { name: 'callback-secret', keyVaultUrl: '${vaultUri}secrets/callback-secret', identity: identityId }
] : []

// A request for a report starts a worker as a job does.
var reportsRule = {
  name: 'reports'
  type: 'azure-queue'
  identity: identityId
  metadata: { accountName: storageName, queueName: '${queueName}-reports', queueLength: '8' }
}

// So does a call that is to be made now. One that failed is hidden until its next try, for hours: it must start none.
var callbacksRule = {
  name: 'callbacks'
  type: 'azure-queue'
  identity: identityId
  metadata: {
    accountName: storageName
    queueName: '${queueName}-callbacks'
    queueLength: '8'
    queueLengthStrategy: 'visibleonly'
  }
}

resource job 'Microsoft.App/jobs@2025-01-01' = {
  name: name
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Event'
      replicaTimeout: takeForS + longestItemS + besidesEngineS
      // Jobs in hand come back by the queue.
      replicaRetryLimit: 0
      registries: [{ server: registryServer, identity: identityId }]
      secrets: concat(galleriesSecrets, callbackSecrets)
      eventTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
        scale: {
          minExecutions: 0
          maxExecutions: maxExecutions
          pollingInterval: 30
          rules: concat([
            {
              name: 'jobs'
              type: 'azure-queue'
              identity: identityId
              metadata: {
                accountName: storageName
                queueName: queueName
                // As many videos as one worker holds. Those in work count as well, and so do their executions.
                queueLength: string(engines + 1)
              }
            }
            reportsRule
          ], withCallbacks ? [callbacksRule] : [])
        }
      }
    }
    template: {
      volumes: [{ name: 'workspace', storageType: 'EmptyDir' }]
      containers: [
        {
          name: 'worker'
          image: image
          args: ['worker', '--until-idle', '60', '--take-for', string(takeForS)]
          resources: { cpu: json(cpu), memory: memory }
          volumeMounts: [{ volumeName: 'workspace', mountPath: '/workspace' }]
          env: concat([
            { name: 'AZURE_CLIENT_ID', value: clientId }
            { name: 'STORAGE_ACCOUNT', value: storageName }
            { name: 'QUEUE_NAME', value: queueName }
            { name: 'TABLE_NAME', value: tableName }
            { name: 'RESULTS_CONTAINER', value: resultsContainer }
            { name: 'ENGINES', value: string(engines) }
            { name: 'ENGINE_TIME_LIMIT_S', value: string(engineTimeLimitS) }
            { name: 'ENGINE_TIME_LIMIT_PER_MEDIA_S', value: string(engineTimeLimitPerMediaS) }
            { name: 'ENGINE_MEMORY_MB', value: string(engineMemoryMb) }
            { name: 'DECODER_MEMORY_MB', value: string(decoderMemoryMb) }
            { name: 'MAX_MEDIA_MB', value: string(maxMediaMb) }
            { name: 'MAX_DURATION_S', value: string(maxDurationS) }
            { name: 'LOG_FORMAT', value: 'json' }
            { name: 'LOG_LEVEL', value: 'INFO' }
          ], galleries, callbacks, environment)
        }
      ]
    }
  }
}

output name string = job.name
