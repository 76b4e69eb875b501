// The few secrets that identities cannot replace. One that is not given stays as it is, so a deployment can be repeated
// without knowing them.

param name string
param location string
param isPrivate bool
@secure()
param apiKeys string
@secure()
param serviceApiKey string
@secure()
param sessionSecret string
@secure()
param nextStageSecret string
@secure()
param galleriesDatabase string
@secure()
param callbackSecret string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    enablePurgeProtection: true
    // Container Apps and App Service read secrets as trusted services; deployments write them through Resource Manager.
    networkAcls: { defaultAction: isPrivate ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }
}

resource apiKeysSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(apiKeys)) {
  parent: vault
  name: 'api-keys'
  properties: { value: apiKeys, contentType: 'text/plain' }
}

resource serviceApiKeySecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(serviceApiKey)) {
  parent: vault
  name: 'service-api-key'
  properties: { value: serviceApiKey, contentType: 'text/plain' }
}

resource sessionSecretSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(sessionSecret)) {
  parent: vault
  name: 'session-secret'
  properties: { value: sessionSecret, contentType: 'text/plain' }
}

resource nextStageSecretSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(nextStageSecret)) {
  parent: vault
  name: 'next-stage-secret'
  properties: { value: nextStageSecret, contentType: 'text/plain' }
}

resource galleriesDatabaseSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(galleriesDatabase)) {
  parent: vault
  name: 'identity-database'
  properties: { value: galleriesDatabase, contentType: 'text/plain' }
}

resource callbackSecretSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(callbackSecret)) {
  parent: vault
  name: 'callback-secret'
  properties: { value: callbackSecret, contentType: 'text/plain' }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
