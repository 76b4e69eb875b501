// What somebody must be told of. The same rules for Prometheus are in infra/helm/files/alerts.yaml.

param name string
param location string
param workspaceId string
param topicName string
param email string
param oldestMessageS int
param failurePercent int

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: '${name}-operators'
  location: 'global'
  properties: {
    groupShortName: 'operators'
    enabled: true
    emailReceivers: [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// Every log line of the service is one JSON object with an `event`.
var lines = 'ContainerAppConsoleLogs | where Log startswith "{" | extend line = parse_json(Log) | extend event = tostring(line.event)'

var rules = [
  {
    name: 'poison-queue-not-empty'
    description: 'Jobs have failed for good, or messages were no jobs. See `python -m service poison list`.'
    severity: 2
    window: 'PT15M'
    query: '${lines} | where event == "queues.state" | project value = tolong(line.poison_length)'
    aggregation: 'Maximum'
    column: 'value'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'oldest-message-too-old'
    description: 'Work waits for long: too few workers, or none that can start.'
    severity: 2
    window: 'PT15M'
    query: '${lines} | where event == "queues.state" | project value = todouble(line.oldest_age_s)'
    aggregation: 'Minimum'
    column: 'value'
    operator: 'GreaterThan'
    threshold: oldestMessageS
  }
  {
    name: 'many-jobs-fail'
    description: 'Of the jobs that ended within an hour, ten or more, too many have failed.'
    severity: 2
    window: 'PT1H'
    query: '${lines} | where event in ("job.failed", "job.succeeded") | summarize failed = countif(event == "job.failed"), ended = count() | where ended >= 10 | project value = 100.0 * failed / ended'
    aggregation: 'Maximum'
    column: 'value'
    operator: 'GreaterThan'
    threshold: failurePercent
  }
  {
    name: 'nothing-published-while-work-waits'
    description: 'For an hour some message has waited all the time, and no result was published.'
    severity: 1
    window: 'PT1H'
    query: '${lines} | where event in ("job.published", "queues.state") | summarize published = countif(event == "job.published"), seen = countif(event == "queues.state"), waited = minif(todouble(line.oldest_age_s), event == "queues.state") | where published == 0 and seen >= 6 and waited > 0'
    aggregation: 'Count'
    column: ''
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'canary-drift'
    description: 'A worker measures the reference picture otherwise than recorded. Do not trust new results until it is known why.'
    severity: 1
    window: 'PT15M'
    query: '${lines} | where event == "canary.drift"'
    aggregation: 'Count'
    column: ''
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'queues-not-watched'
    description: 'No line about the queues for half an hour: the alerts on them are blind.'
    severity: 1
    window: 'PT30M'
    query: '${lines} | where event == "queues.state"'
    aggregation: 'Count'
    column: ''
    operator: 'LessThan'
    threshold: 1
  }
]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: '${name}-${rule.name}'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: '${name}: ${rule.name}'
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT5M'
    windowSize: rule.window
    autoMitigate: true
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: rule.aggregation
          metricMeasureColumn: empty(rule.column) ? null : rule.column
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: empty(email) ? [] : [people.id] }
  }
}]

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-events-dead-lettered'
  location: 'global'
  properties: {
    description: 'Event Grid has given up on an event: see the container dead-letters, and the function app.'
    severity: 2
    enabled: true
    scopes: [topic.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'dead-lettered'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: 'DeadLetteredCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: empty(email) ? [] : [{ actionGroupId: people.id }]
  }
}
