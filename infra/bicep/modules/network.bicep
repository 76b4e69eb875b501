// A virtual network: for private endpoints and an internal ingress, or only for an address that the function app calls
// from and that a list of allowed addresses can name.

param name string
param location string

@description('Of the whole network, and of its subnets.')
param addresses object

@description('The network is private: subnets of the apps and of private endpoints as well.')
param isPrivate bool

@description('Public addresses that callbacks may go to, or Internet.')
param callbackAddresses array

var functionSubnet = {
  name: 'function'
  properties: {
    addressPrefix: addresses.function
    // Required by Flex Consumption.
    delegations: [{ name: 'apps', properties: { serviceName: 'Microsoft.App/environments' } }]
    natGateway: isPrivate ? null : { id: natGateway.id }
  }
}
var privateSubnets = [
  {
    name: 'apps'
    properties: {
      addressPrefix: addresses.apps
      networkSecurityGroup: { id: appsRules.id }
      delegations: [{ name: 'apps', properties: { serviceName: 'Microsoft.App/environments' } }]
    }
  }
  {
    name: 'endpoints'
    properties: { addressPrefix: addresses.endpoints }
  }
]

// What the apps may call: the private endpoints, and the services without which an environment does not run. See
// https://learn.microsoft.com/azure/container-apps/firewall-integration
var calledServices = [
  'Storage'
  'AzureActiveDirectory'
  'AzureKeyVault'
  'AzureMonitor'
  'AzureContainerRegistry'
  'MicrosoftContainerRegistry'
  'AzureFrontDoor.FirstParty'
]
var serviceRules = [for (service, number) in calledServices: {
  name: 'to-${replace(service, '.', '-')}'
  properties: {
    priority: 200 + number
    direction: 'Outbound'
    access: 'Allow'
    protocol: 'Tcp'
    sourceAddressPrefix: '*'
    sourcePortRange: '*'
    destinationAddressPrefix: service
    destinationPortRange: '443'
  }
}]
// A rule each: a service tag such as Internet stands in none of several.
var callbackRules = [for (address, number) in callbackAddresses: {
  name: 'callbacks-${number}'
  properties: {
    priority: 300 + number
    direction: 'Outbound'
    access: 'Allow'
    protocol: 'Tcp'
    sourceAddressPrefix: '*'
    sourcePortRange: '*'
    destinationAddressPrefix: address
    destinationPortRange: '443'
  }
}]
resource appsRules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = if (isPrivate) {
  name: '${name}-apps'
  location: location
  properties: {
    securityRules: concat(serviceRules, callbackRules, [
      {
        name: 'to-nothing-else'
        properties: {
          priority: 1000
          direction: 'Outbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: 'Internet'
          destinationPortRange: '*'
        }
      }
    ])
  }
}

resource publicAddress 'Microsoft.Network/publicIPAddresses@2024-05-01' = if (!isPrivate) {
  name: '${name}-function'
  location: location
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv4' }
}

resource natGateway 'Microsoft.Network/natGateways@2024-05-01' = if (!isPrivate) {
  name: '${name}-function'
  location: location
  sku: { name: 'Standard' }
  properties: { idleTimeoutInMinutes: 10, publicIpAddresses: [{ id: publicAddress.id }] }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: '${name}-network'
  location: location
  properties: {
    addressSpace: { addressPrefixes: [addresses.network] }
    subnets: concat([functionSubnet], isPrivate ? privateSubnets : [])
  }
}

output id string = network.id
output functionSubnetId string = '${network.id}/subnets/function'
output appsSubnetId string = '${network.id}/subnets/apps'
output endpointsSubnetId string = '${network.id}/subnets/endpoints'
output functionAddress string = isPrivate ? '' : publicAddress.properties.ipAddress
