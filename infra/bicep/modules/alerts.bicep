// Alerts on log lines and on Azure's own metrics. Rules for Prometheus are in infra/helm/files/alerts.yaml.

param name string
param location string
param workspaceId string
param topicName string
param webName string
param jobNames array
param email string
param oldestMessageS int
param failurePercent int

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: '${name}-operators'
  location: 'global'
  properties: {
    groupShortName: 'operators'
    enabled: true
    emailReceivers: [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// Every log line of the service is one JSON object with an `event`; of the function app's, every decision.
var lines = 'ContainerAppConsoleLogs | where Log startswith "{" | extend line = parse_json(Log) | extend event = tostring(line.event)'

var rules = [
  {
    name: 'poison-queue-not-empty'
    description: 'Jobs have failed finally, or messages were no jobs. See `python -m service poison list`.'
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
    name: 'requests-refused'
    description: 'Many requests came with a wrong key or none: a caller whose key was revoked, or a stranger.'
    severity: 2
    window: 'PT15M'
    query: '${lines} | where event == "request.answered" and toint(line.status) in (401, 403)'
    aggregation: 'Count'
    column: ''
    operator: 'GreaterThan'
    threshold: 50
  }
  {
    name: 'function-key-refused'
    description: 'The service refuses the function app\'s key: no upload becomes a job until the key is right.'
    severity: 1
    window: 'PT5M'
    query: 'AppTraces | where Message has "service.key_refused"'
    aggregation: 'Count'
    column: ''
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'function-executions-fail'
    description: 'Executions of the function app fail again and again: the service or storage is away, or a setting is wrong.'
    severity: 2
    window: 'PT15M'
    query: 'AppRequests | where Success == false | summarize value = toreal(sum(ItemCount))'
    aggregation: 'Maximum'
    column: 'value'
    operator: 'GreaterThan'
    threshold: 10
  }
  {
    name: 'sweep-not-succeeding'
    description: 'No sweep has ended well for three hours: uploads whose event was lost wait unseen.'
    severity: 2
    window: 'PT3H'
    query: '${lines} | where event == "sweep.finished" and toint(line.left) == 0'
    aggregation: 'Count'
    column: ''
    operator: 'LessThan'
    threshold: 1
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
    actions: { actionGroups: empty(email) ? [] : [operators.id] }
  }
}]

var topicMetrics = 'Microsoft.EventGrid/systemTopics'
var ofTopic = [
  {
    name: 'events-dead-lettered'
    description: 'Event Grid has given up on an event: see the container dead-letters, and the function app.'
    severity: 2
    scope: topic.id
    namespace: topicMetrics
    metric: 'DeadLetteredCount'
    aggregation: 'Total'
    threshold: 0
    dimensions: []
  }
  {
    name: 'events-dropped'
    description: 'Event Grid has lost an event, which it could not even write to the dead letters. The sweep finds the upload.'
    severity: 1
    scope: topic.id
    namespace: topicMetrics
    metric: 'DroppedEventCount'
    aggregation: 'Total'
    threshold: 0
    dimensions: []
  }
  {
    name: 'event-deliveries-fail'
    description: 'Deliveries to the function app fail again and again: it does not start, or raises.'
    severity: 2
    scope: topic.id
    namespace: topicMetrics
    metric: 'DeliveryAttemptFailCount'
    aggregation: 'Total'
    threshold: 10
    dimensions: []
  }
]
var ofWeb = [
  {
    name: 'web-server-errors'
    description: 'The web server, or the ingress in its place, answers with errors of its own.'
    severity: 2
    scope: resourceId('Microsoft.App/containerApps', webName)
    namespace: 'Microsoft.App/containerApps'
    metric: 'Requests'
    aggregation: 'Total'
    threshold: 10
    dimensions: [{ name: 'statusCodeCategory', operator: 'Include', values: ['5xx'] }]
  }
]

resource metricAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [for rule in concat(ofTopic, ofWeb): {
  name: '${name}-${rule.name}'
  location: 'global'
  properties: {
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [rule.scope]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: rule.name
          metricNamespace: rule.namespace
          metricName: rule.metric
          timeAggregation: rule.aggregation
          operator: 'GreaterThan'
          threshold: rule.threshold
          dimensions: rule.dimensions
        }
      ]
    }
    actions: empty(email) ? [] : [{ actionGroupId: operators.id }]
  }
}]

// A worker, sweep or other command that has ended with an error; one alert a job, since each is a resource.
resource executionsFail 'Microsoft.Insights/metricAlerts@2018-03-01' = [for job in jobNames: {
  name: '${job}-executions-fail'
  location: 'global'
  properties: {
    description: 'An execution of ${job} has failed: its log says why.'
    severity: 2
    enabled: true
    scopes: [resourceId('Microsoft.App/jobs', job)]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'failed'
          metricNamespace: 'Microsoft.App/jobs'
          metricName: 'Executions'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [{ name: 'state', operator: 'Include', values: ['Failed', 'Degraded'] }]
        }
      ]
    }
    actions: empty(email) ? [] : [{ actionGroupId: operators.id }]
  }
}]
