// Private endpoints of the storage accounts and the vault, and the names under which the network finds them and the apps.

param name string
param location string
param networkId string
param subnetId string
param storageName string
param functionStorageName string
param vaultName string

@description('Domain of the Container Apps environment, and its address within the network.')
param appsDomain string
param appsAddress string

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource functionStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: functionStorageName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

var storageSuffix = environment().suffixes.storage
var zoneNames = [
  'privatelink.blob.${storageSuffix}'
  'privatelink.queue.${storageSuffix}'
  'privatelink.table.${storageSuffix}'
  'privatelink.vaultcore.azure.net'
]
// `zone` counts in the list above.
var endpoints = [
  { name: 'media-blob', target: storage.id, group: 'blob', zone: 0 }
  { name: 'media-queue', target: storage.id, group: 'queue', zone: 1 }
  { name: 'media-table', target: storage.id, group: 'table', zone: 2 }
  { name: 'function-blob', target: functionStorage.id, group: 'blob', zone: 0 }
  { name: 'function-queue', target: functionStorage.id, group: 'queue', zone: 1 }
  { name: 'function-table', target: functionStorage.id, group: 'table', zone: 2 }
  { name: 'vault', target: vault.id, group: 'vault', zone: 3 }
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in zoneNames: {
  name: zone
  location: 'global'
}]

resource zoneLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, index) in zoneNames: {
  parent: zones[index]
  name: name
  location: 'global'
  properties: { registrationEnabled: false, virtualNetwork: { id: networkId } }
}]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [for endpoint in endpoints: {
  name: '${name}-${endpoint.name}'
  location: location
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: endpoint.name
        properties: { privateLinkServiceId: endpoint.target, groupIds: [endpoint.group] }
      }
    ]
  }
}]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (endpoint, index) in endpoints: {
  parent: privateEndpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [{ name: endpoint.group, properties: { privateDnsZoneId: zones[endpoint.zone].id } }]
  }
}]

resource appsZone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: appsDomain
  location: 'global'
}

resource appsZoneLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: appsZone
  name: name
  location: 'global'
  properties: { registrationEnabled: false, virtualNetwork: { id: networkId } }
}

resource apps 'Microsoft.Network/privateDnsZones/A@2024-06-01' = {
  parent: appsZone
  name: '*'
  properties: { ttl: 3600, aRecords: [{ ipv4Address: appsAddress }] }
}
