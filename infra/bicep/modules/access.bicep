// Every role assignment. tests/infra/test_roles.py compares them with the calls that the code makes.

param storageName string
param functionStorageName string
param registryName string
param vaultName string
param insightsName string
param queueName string
param tableName string
param resultsContainer string
param deadLetterContainer string
param sharedContainer string
param withNextStage bool
param withGalleries bool
param withCallbacks bool
param web string
param worker string
param function string
param topic string
param operatorId string

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roles = {
  accountContributor: '17d1049b-9a84-46fb-8f53-869881c3d3ab'
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d'
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  blobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  keyVaultSecretsUser: '4633458b-17de-408a-874b-0445c86b69e6'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  queueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  queueDataReader: '19e7f393-937e-4f77-808e-94535e297925'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  tableDataReader: '76199698-9eea-4c19-bc75-cec21354c6b6'
}

var ownResults = resultsContainer == '{container}'

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = {
  parent: storage
  name: 'default'
}

resource results 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = {
  parent: blobs
  name: resultsContainer
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = {
  parent: blobs
  name: deadLetterContainer
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' existing = {
  parent: storage
  name: 'default'
}

resource jobs 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' existing = {
  parent: queueService
  name: queueName
}

resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' existing = {
  parent: queueService
  name: '${queueName}-poison'
}

resource reports 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' existing = {
  parent: queueService
  name: '${queueName}-reports'
}

resource callbacks 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' existing = {
  parent: queueService
  name: '${queueName}-callbacks'
}

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' existing = {
  parent: storage
  name: 'default'
}

resource records 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' existing = {
  parent: tableService
  name: tableName
}

resource functionStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: functionStorageName
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource apiKeys 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = {
  parent: vault
  name: 'api-keys'
}

resource sessionSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = {
  parent: vault
  name: 'session-secret'
}

resource serviceApiKey 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = {
  parent: vault
  name: 'service-api-key'
}

resource nextStageSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = {
  parent: vault
  name: 'next-stage-secret'
}

resource galleriesDatabase 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = {
  parent: vault
  name: 'identity-database'
}

resource callbackSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = {
  parent: vault
  name: 'callback-secret'
}

// The media account as a whole: uploads lie in containers that are not known beforehand, and listing is of the account.
// web      takes uploads in, signs read-only links, writes reports
// worker   reads uploads; `doctor` lists the account's queues and tables
// function reads an upload's metadata; the blob trigger of a shared container wants to own blobs, and uses queues
var onStorage = [
  { who: web, role: roles.blobDataContributor }
  { who: worker, role: ownResults ? roles.blobDataContributor : roles.blobDataReader }
  { who: worker, role: roles.queueDataReader }
  { who: worker, role: roles.tableDataReader }
  { who: function, role: roles.blobDataReader }
]
var forBlobTrigger = empty(sharedContainer) ? [] : [roles.blobDataOwner, roles.queueDataContributor]

resource storageRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in onStorage: {
  scope: storage
  name: guid(storage.id, grant.who, grant.role)
  properties: {
    principalId: grant.who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
  }
}]

resource blobTriggerRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in forBlobTrigger: {
  scope: storage
  name: guid(storage.id, function, role)
  properties: {
    principalId: function
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]

resource operatorRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorId)) {
  scope: storage
  name: guid(storage.id, operatorId, roles.blobDataContributor)
  properties: {
    principalId: operatorId
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
  }
}

resource resultsRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!ownResults) {
  scope: results
  name: guid(results.id, worker, roles.blobDataContributor)
  properties: {
    principalId: worker
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
  }
}

resource deadLetterRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: deadLetters
  name: guid(deadLetters.id, topic, roles.blobDataContributor)
  properties: {
    principalId: topic
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
  }
}

resource jobsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [web, worker]: {
  scope: jobs
  name: guid(jobs.id, who, roles.queueDataContributor)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueDataContributor)
  }
}]

resource poisonRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [web, worker]: {
  scope: poison
  name: guid(poison.id, who, roles.queueDataContributor)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueDataContributor)
  }
}]

resource reportsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [web, worker]: {
  scope: reports
  name: guid(reports.id, who, roles.queueDataContributor)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueDataContributor)
  }
}]

// Also without callbackHosts: records may name addresses from the time when it was set.
resource callbacksRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [web, worker]: {
  scope: callbacks
  name: guid(callbacks.id, who, roles.queueDataContributor)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueDataContributor)
  }
}]

resource recordsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [web, worker]: {
  scope: records
  name: guid(records.id, who, roles.tableDataContributor)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.tableDataContributor)
  }
}]

// The host keeps its locks and the app's package there; for a blob trigger also queues, which it has to make.
var forHost = empty(sharedContainer) ? [roles.blobDataOwner] : [roles.blobDataOwner, roles.queueDataContributor, roles.accountContributor]

resource hostRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in forHost: {
  scope: functionStorage
  name: guid(functionStorage.id, function, role)
  properties: {
    principalId: function
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]

resource insightsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [function, web, worker]: {
  scope: insights
  name: guid(insights.id, who, roles.monitoringMetricsPublisher)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
  }
}]

resource registryRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [web, worker]: {
  scope: registry
  name: guid(registry.id, who, roles.acrPull)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
  }
}]

resource apiKeysRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: apiKeys
  name: guid(apiKeys.id, web, roles.keyVaultSecretsUser)
  properties: {
    principalId: web
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}

resource sessionSecretRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: sessionSecret
  name: guid(sessionSecret.id, web, roles.keyVaultSecretsUser)
  properties: {
    principalId: web
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}

resource serviceApiKeyRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: serviceApiKey
  name: guid(serviceApiKey.id, function, roles.keyVaultSecretsUser)
  properties: {
    principalId: function
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}

resource nextStageSecretRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (withNextStage) {
  scope: nextStageSecret
  name: guid(nextStageSecret.id, function, roles.keyVaultSecretsUser)
  properties: {
    principalId: function
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}

resource galleriesDatabaseRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [web, worker]: if (withGalleries) {
  scope: galleriesDatabase
  name: guid(galleriesDatabase.id, who, roles.keyVaultSecretsUser)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}]

resource callbackSecretRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in [web, worker]: if (withCallbacks) {
  scope: callbackSecret
  name: guid(callbackSecret.id, who, roles.keyVaultSecretsUser)
  properties: {
    principalId: who
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}]
