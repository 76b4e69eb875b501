// Another command of the service, on a schedule.

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

@description('More variables: [{ name: \'…\', value: \'…\' }].')
param environment array

param defaultMediaType string

@description('The command and its options.')
param words array

@description('In UTC: minute, hour, day, month, weekday.')
param schedule string

param timeLimitS int

var galleries = withGalleries ? [
  { name: 'IDENTITY', value: 'true' }
  { name: 'IDENTITY_DATABASE', secretRef: 'identity-database' }
] : []

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
      triggerType: 'Schedule'
      replicaTimeout: timeLimitS
      replicaRetryLimit: 0
      registries: [{ server: registryServer, identity: identityId }]
      secrets: withGalleries ? [
        { name: 'identity-database', keyVaultUrl: '${vaultUri}secrets/identity-database', identity: identityId }
      ] : []
      scheduleTriggerConfig: {
        cronExpression: schedule
        parallelism: 1
        replicaCompletionCount: 1
      }
    }
    template: {
      containers: [
        {
          name: 'command'
          image: image
          args: words
          resources: { cpu: json('0.25'), memory: '0.5Gi' }
          env: concat([
            { name: 'AZURE_CLIENT_ID', value: clientId }
            { name: 'STORAGE_ACCOUNT', value: storageName }
            { name: 'QUEUE_NAME', value: queueName }
            { name: 'TABLE_NAME', value: tableName }
            { name: 'RESULTS_CONTAINER', value: resultsContainer }
            { name: 'DEFAULT_MEDIA_TYPE', value: defaultMediaType }
            { name: 'LOG_FORMAT', value: 'json' }
            { name: 'LOG_LEVEL', value: 'INFO' }
          ], galleries, environment)
        }
      ]
    }
  }
}

output name string = job.name
