// The account of uploads, results, queues and job records. Reached with identities only: its keys are switched off.

param name string
param location string
param queueName string
param tableName string
param resultsContainer string
param deadLetterContainer string
param uploadContainerPrefix string
param sharedContainer string
param uploadRetentionDays int
param resultRetentionDays int
param undeleteDays int
param redundancy string

@description('Reached by private endpoints, and from these addresses; without it from everywhere, with a role.')
param isPrivate bool
param allowedAddresses array

var ownResults = resultsContainer == '{container}'
var ofResults = ownResults ? [] : [resultsContainer]
var ofUploads = empty(sharedContainer) ? [] : [sharedContainer]
var containers = concat([deadLetterContainer], ofResults, ofUploads)
var queueNames = [queueName, '${queueName}-poison', '${queueName}-reports', '${queueName}-callbacks']

var allowedRules = [for address in (isPrivate ? allowedAddresses : []): {
  value: replace(address, '/32', '')
  action: 'Allow'
}]

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      // Event Grid writes dead letters, and the platform the function app's package.
      bypass: 'AzureServices'
      // Without the suffix of a single address, which storage refuses.
      ipRules: allowedRules
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: undeleteDays }
    containerDeleteRetentionPolicy: { enabled: true, days: undeleteDays }
  }
}

resource containerResources 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [for container in containers: {
  parent: blobs
  name: container
  properties: { publicAccess: 'None' }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for queue in queueNames: {
  parent: queueService
  name: queue
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' = {
  parent: tableService
  name: tableName
}

// A prefix names containers that begin with it, a slash ends the container's name. Pages and the client upload into
// `uploads-…`; earlier releases did into `web-…` and `c-…`.
var ofPagesAndClient = ['uploads-', 'web-', 'c-']
var uploadRule = {
  name: 'uploads'
  type: 'Lifecycle'
  enabled: true
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: concat([uploadContainerPrefix], ofPagesAndClient) }
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: uploadRetentionDays } } }
  }
}
var resultRule = {
  name: 'results'
  type: 'Lifecycle'
  enabled: true
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: ['${resultsContainer}/'] }
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: resultRetentionDays } } }
  }
}
var deadLetterRule = {
  name: 'dead-letters'
  type: 'Lifecycle'
  enabled: true
  definition: {
    filters: { blobTypes: ['blockBlob', 'appendBlob'], prefixMatch: ['${deadLetterContainer}/'] }
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 30 } } }
  }
}
var uploadRules = uploadRetentionDays > 0 && !empty(uploadContainerPrefix) ? [uploadRule] : []
var resultRules = resultRetentionDays > 0 && !ownResults ? [resultRule] : []

resource retention 'Microsoft.Storage/storageAccounts/managementPolicies@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: concat([deadLetterRule], uploadRules, resultRules)
    }
  }
  dependsOn: [blobs]
}

output name string = account.name
