// Who the parts are to one another and to storage: one identity each, so that each has its own roles and no more.

param name string
param location string

var parts = ['web', 'worker', 'function']

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = [for part in parts: {
  name: '${name}-${part}'
  location: location
}]

output web object = {
  id: identities[0].id
  clientId: identities[0].properties.clientId
  principalId: identities[0].properties.principalId
}
output worker object = {
  id: identities[1].id
  clientId: identities[1].properties.clientId
  principalId: identities[1].properties.principalId
}
output function object = {
  id: identities[2].id
  clientId: identities[2].properties.clientId
  principalId: identities[2].properties.principalId
}
