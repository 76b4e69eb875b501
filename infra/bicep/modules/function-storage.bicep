// The function host's own account, apart from the media: the host wants to own all blobs of it.

param name string
param location string
param redundancy string

@description('Reached by private endpoints, and from these addresses; without it from everywhere, with a role.')
param isPrivate bool
param allowedAddresses array

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
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: 'function-package'
  properties: { publicAccess: 'None' }
}

output name string = account.name
output deploymentContainer string = package.name
