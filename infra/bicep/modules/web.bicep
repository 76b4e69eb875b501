// The HTTP API.

param name string
param location string
param environmentId string
param image string
param registryServer string
param identityId string
param clientId string
param vaultUri string
param storageName string
param queueName string
param tableName string
param resultsContainer string
param defaultMediaType string
param maxReplicas int
param cpu string
param memory string
param rateLimitPerMinute int
param childMemoryMb int
param maxMediaMb int
param withGalleries bool
param callbackHosts string

@description('Callers\' addresses, such as 192.0.2.0/24. Empty: all.')
param allowedAddresses array

@description('More variables: [{ name: \'…\', value: \'…\' }].')
param environment array

var galleries = withGalleries ? [
  { name: 'IDENTITY', value: 'true' }
  { name: 'IDENTITY_DATABASE', secretRef: 'identity-database' }
] : []
var galleriesSecrets = withGalleries ? [
  { name: 'identity-database', keyVaultUrl: '${vaultUri}secrets/identity-database', identity: identityId }
] : []

var withCallbacks = !empty(callbackHosts)
var callbacks = withCallbacks ? [
  { name: 'CALLBACK_HOSTS', value: callbackHosts }
  { name: 'CALLBACK_SECRET', secretRef: 'callback-secret' }
] : []
var callbackSecrets = withCallbacks ? [
  { name: 'callback-secret', keyVaultUrl: '${vaultUri}secrets/callback-secret', identity: identityId }
] : []

var allowedRules = [for address in allowedAddresses: {
  name: replace(replace(address, '.', '-'), '/', '-')
  action: 'Allow'
  ipAddressRange: contains(address, '/') ? address : '${address}/32'
}]

resource web 'Microsoft.App/containerApps@2025-01-01' = {
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
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        allowInsecure: false
        targetPort: 5000
        transport: 'http'
        ipSecurityRestrictions: allowedRules
      }
      registries: [{ server: registryServer, identity: identityId }]
      secrets: concat([
        { name: 'api-keys', keyVaultUrl: '${vaultUri}secrets/api-keys', identity: identityId }
        { name: 'session-secret', keyVaultUrl: '${vaultUri}secrets/session-secret', identity: identityId }
      ], galleriesSecrets, callbackSecrets)
    }
    template: {
      // Above the 30 s that the server gives open requests.
      terminationGracePeriodSeconds: 40
      scale: {
        minReplicas: 1
        maxReplicas: maxReplicas
        rules: [{ name: 'requests', http: { metadata: { concurrentRequests: '40' } } }]
      }
      volumes: [
        { name: 'workspace', storageType: 'EmptyDir' }
        // A file is renewed when the secret changes, which a variable is only by a restart.
        { name: 'keys', storageType: 'Secret', secrets: [{ secretRef: 'api-keys', path: 'api-keys' }] }
      ]
      containers: [
        {
          name: 'web'
          image: image
          args: ['web']
          resources: { cpu: json(cpu), memory: memory }
          volumeMounts: [
            { volumeName: 'workspace', mountPath: '/workspace' }
            { volumeName: 'keys', mountPath: '/keys' }
          ]
          env: concat([
            { name: 'AZURE_CLIENT_ID', value: clientId }
            { name: 'STORAGE_ACCOUNT', value: storageName }
            { name: 'QUEUE_NAME', value: queueName }
            { name: 'TABLE_NAME', value: tableName }
            { name: 'RESULTS_CONTAINER', value: resultsContainer }
            { name: 'DEFAULT_MEDIA_TYPE', value: defaultMediaType }
            { name: 'WEB_WORKERS', value: '1' }
            { name: 'WEB_CHILD_MEMORY_MB', value: string(childMemoryMb) }
            { name: 'RATE_LIMIT_PER_MINUTE', value: string(rateLimitPerMinute) }
            { name: 'MAX_MEDIA_MB', value: string(maxMediaMb) }
            { name: 'API_KEYS_FILE', value: '/keys/api-keys' }
            // Without keys, other names would be refused.
            { name: 'ALLOWED_HOSTS', value: '.azurecontainerapps.io' }
            // The environment's ingress: it names the caller.
            { name: 'TRUSTED_PROXIES', value: '1' }
            { name: 'SESSION_SECRET', secretRef: 'session-secret' }
            { name: 'LOG_FORMAT', value: 'json' }
            { name: 'LOG_LEVEL', value: 'INFO' }
          ], galleries, callbacks, environment)
          probes: [
            {
              type: 'Startup'
              httpGet: { path: '/healthz', port: 5000 }
              periodSeconds: 5
              failureThreshold: 10
            }
            {
              type: 'Liveness'
              httpGet: { path: '/healthz', port: 5000 }
              periodSeconds: 30
              timeoutSeconds: 5
            }
            {
              type: 'Readiness'
              httpGet: { path: '/readyz', port: 5000 }
              periodSeconds: 10
              timeoutSeconds: 8
              failureThreshold: 3
            }
          ]
        }
      ]
    }
  }
}

output url string = 'https://${web.properties.configuration.ingress.fqdn}'
output name string = web.name
