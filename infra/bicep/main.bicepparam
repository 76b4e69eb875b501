// The parameters that differ between deployments; every other one has a default in main.bicep.
using 'main.bicep'

param name = 'media'
param uploadContainerPrefix = 'upload-'
param uploadRetentionDays = 0
param resultRetentionDays = 0
param alertEmail = ''
param monthlyBudget = 0
param network = 'public'
param allowedAddresses = []
param nextStageUrl = ''
param callbackHosts = ''

// From deploy.sh: how far to go, which image, who may send the smoke test's picture, and the first time the secrets.
param stage = readEnvironmentVariable('DEPLOY_STAGE', 'base')
param image = readEnvironmentVariable('DEPLOY_IMAGE', '')
param operatorId = readEnvironmentVariable('DEPLOY_OPERATOR', '')
param apiKeys = readEnvironmentVariable('DEPLOY_API_KEYS', '')
param serviceApiKey = readEnvironmentVariable('DEPLOY_SERVICE_API_KEY', '')
param sessionSecret = readEnvironmentVariable('DEPLOY_SESSION_SECRET', '')
param nextStageSecret = readEnvironmentVariable('DEPLOY_NEXT_STAGE_SECRET', '')
param callbackSecret = readEnvironmentVariable('DEPLOY_CALLBACK_SECRET', '')
param galleriesDatabase = readEnvironmentVariable('DEPLOY_GALLERIES_DATABASE', '')
