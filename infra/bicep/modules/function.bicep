// The function app: triggers only. deploy.sh publishes its code. Event Grid reaches it over the internet in any network,
// with a key; HTTP callers need one as well.

param name string
param location string
param identityId string
param clientId string
param storageName string
param deploymentContainer string
param mediaStorageName string
param insightsName string
param vaultUri string
param serviceUrl string
param uploadContainerPrefix string
param sharedContainer string
param resultsContainer string
param defaultMediaType string
param nextStageUrl string
param nextStageAllowHttp bool
param maxInstances int

@description('Subnet from which the function app calls. Empty: from addresses that change.')
param subnetId string

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource mediaStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: mediaStorageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identityId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: '3.11' }
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: maxInstances }
    }
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
    }
  }
}

// The host's default is a handful of threads, and each invocation spends its time waiting for other servers.
var always = {
  PYTHON_THREADPOOL_THREAD_COUNT: '32'
  AzureWebJobsStorage__accountName: storage.name
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
  MEDIA_STORAGE__blobServiceUri: mediaStorage.properties.primaryEndpoints.blob
  MEDIA_STORAGE__queueServiceUri: mediaStorage.properties.primaryEndpoints.queue
  MEDIA_STORAGE__credential: 'managedidentity'
  MEDIA_STORAGE__clientId: clientId
  SERVICE_URL: serviceUrl
  SERVICE_API_KEY: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/service-api-key)'
  UPLOAD_CONTAINERS: '${uploadContainerPrefix}*'
  RESULTS_CONTAINER: resultsContainer
  DEFAULT_MEDIA_TYPE: defaultMediaType
}
// The app has no blob trigger without the setting.
var shared = empty(sharedContainer) ? {} : {
  SHARED_CONTAINER: sharedContainer
  BLOB_TRIGGER_SOURCE: 'EventGrid'
}
var nextStage = empty(nextStageUrl) ? {} : {
  NEXT_STAGE_URL: nextStageUrl
  NEXT_STAGE_ALLOW_HTTP: string(nextStageAllowHttp)
  NEXT_STAGE_SECRET: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/next-stage-secret)'
  NEXT_STAGE_LINKS: 'sas'
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(always, shared, nextStage)
}

output name string = app.name
