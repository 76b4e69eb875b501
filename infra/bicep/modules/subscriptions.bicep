// The events that reach the function app. The functions check again whatever these filters let through.

param topicName string
param functionAppName string
param storageName string
param resultsContainer string
param deadLetterContainer string

// As in cloud_function/: the calls that complete an upload, some of which end in a rename. Suffixes are not filtered:
// for unknown ones the content type decides, and all filters of a subscription may hold 25 values.
var apis = ['PutBlob', 'PutBlockList', 'CopyBlob', 'FlushWithClose', 'SftpCommit', 'RenameFile', 'SftpRename']
var containersPath = '/blobServices/default/containers/'
var ownResults = resultsContainer == '{container}'

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionAppName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

var deadLetter = {
  identity: { type: 'SystemAssigned' }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: { resourceId: storage.id, blobContainerName: deadLetterContainer }
  }
}
var retryPolicy = { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }

resource uploads 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'uploads'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${app.id}/functions/start_analysis'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated', 'Microsoft.Storage.BlobRenamed']
      subjectBeginsWith: containersPath
      advancedFilters: [
        { operatorType: 'StringIn', key: 'data.api', values: apis }
        { operatorType: 'StringNotBeginsWith', key: 'subject', values: ['${containersPath}${resultsContainer}/'] }
        { operatorType: 'StringNotContains', key: 'subject', values: ['/blobs/_results/'] }
      ]
    }
    deadLetterWithResourceIdentity: deadLetter
    retryPolicy: retryPolicy
  }
}

resource results 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'results'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${app.id}/functions/call_next_stage'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: ownResults ? containersPath : '${containersPath}${resultsContainer}/'
      subjectEndsWith: '.csv'
      advancedFilters: [
        { operatorType: 'StringIn', key: 'data.api', values: apis }
        { operatorType: 'StringContains', key: 'subject', values: [ownResults ? '/blobs/_results/' : '/blobs/'] }
      ]
    }
    deadLetterWithResourceIdentity: deadLetter
    retryPolicy: retryPolicy
  }
}
