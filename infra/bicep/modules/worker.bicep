// The worker: as many executions as the queue's length asks for. Each works until nothing has come for a minute.
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
param maxExecutions int
param cpu string
param memory string
param engines int
param maxMediaMb int
param maxDurationS int

// After so long it takes nothing new: an execution that is over its time limit is killed in the middle of an item.
var takeForS = 3600
var engineTimeLimitS = 60
var engineTimeLimitPerMediaS = 20
var longestItemS = engineTimeLimitS + engineTimeLimitPerMediaS * maxDurationS
// Fetching, preparing and publishing what is largest.
var besidesEngineS = 1800

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
      // What it had in hand comes back by the queue.
      replicaRetryLimit: 0
      registries: [{ server: registryServer, identity: identityId }]
      eventTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
        scale: {
          minExecutions: 0
          maxExecutions: maxExecutions
          pollingInterval: 30
          rules: [
            {
              name: 'jobs'
              type: 'azure-queue'
              identity: identityId
              metadata: {
                accountName: storageName
                queueName: queueName
                // As many videos as one worker takes in hand. Those in work count as well, and so do their executions.
                queueLength: string(engines + 1)
              }
            }
          ]
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
          env: [
            { name: 'AZURE_CLIENT_ID', value: clientId }
            { name: 'STORAGE_ACCOUNT', value: storageName }
            { name: 'QUEUE_NAME', value: queueName }
            { name: 'TABLE_NAME', value: tableName }
            { name: 'RESULTS_CONTAINER', value: resultsContainer }
            { name: 'ENGINES', value: string(engines) }
            { name: 'ENGINE_TIME_LIMIT_S', value: string(engineTimeLimitS) }
            { name: 'ENGINE_TIME_LIMIT_PER_MEDIA_S', value: string(engineTimeLimitPerMediaS) }
            { name: 'MAX_MEDIA_MB', value: string(maxMediaMb) }
            { name: 'MAX_DURATION_S', value: string(maxDurationS) }
            { name: 'LOG_FORMAT', value: 'json' }
            { name: 'LOG_LEVEL', value: 'INFO' }
          ]
        }
      ]
    }
  }
}

output name string = job.name
