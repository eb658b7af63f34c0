# The dashboard follows a query: from Databricks to the load balancer, through the proxies, to Azure; then what keeps
# the proxies' addresses in order.
locals {
  # Where a line's metric comes from, in CloudWatch's order.
  sources = {
    for source, of in merge(
      {
        load_balancer    = local.load_balancer
        targets          = local.targets
        endpoint_service = local.endpoint_service
        instances        = local.instances
        proxies          = local.proxies
        connections      = local.connections
        assigner         = local.assigner
        function         = local.function
      },
      { for index, of in local.zone_targets : "zone ${index}" => of },
      { for zone, of in local.nat_gateways : "nat ${zone}" => of },
    ) : source => { namespace = of.namespace, dimensions = flatten([for key, value in of.dimensions : [key, value]]) }
  }

  sections = concat(
    [
      {
        heading = "# ${var.name}\nDatabricks → endpoint service → load balancer → proxies → Azure. [What to do about an alarm](${var.runbook_url})"
        height  = 2
        rows = [for row in [{
          height = 5
          widgets = [{
            width = 24, type = "alarm", title = "Alarms", alarms = var.alarm_arns
          }]
        }] : row if length(var.alarm_arns) > 0]
      },
      {
        heading = "## From Databricks"
        height  = 1
        rows = [{
          height = 6
          widgets = [
            {
              width = 8, type = "graph", title = "Connections through PrivateLink", period = 60
              lines = [
                { of = "endpoint_service", metric = "NewConnections", label = "new", stat = "Sum" },
                { of = "endpoint_service", metric = "ActiveConnections", label = "open", stat = "Maximum" },
              ]
            },
            {
              width = 8, type = "graph", title = "Flows at the load balancer", period = 60
              lines = [
                { of = "load_balancer", metric = "NewFlowCount", label = "new", stat = "Sum" },
                { of = "load_balancer", metric = "ActiveFlowCount", label = "open", stat = "Average" },
              ]
            },
            {
              width = 4, type = "graph", title = "Bytes", period = 60
              lines = [{ of = "load_balancer", metric = "ProcessedBytes", label = "both ways", stat = "Sum" }]
            },
            {
              width = 4, type = "number", title = "Endpoints", period = 300
              lines = [{ of = "endpoint_service", metric = "EndpointsCount", label = "connected", stat = "Maximum" }]
            },
          ]
        }]
      },
      {
        heading = "## Proxies"
        height  = 1
        rows = concat(
          [{
            height = 6
            widgets = [
              {
                width = 8, type = "graph", title = "Healthy proxies per zone", period = 60
                lines = concat(
                  [for index, zone in var.zones : { of = "zone ${index}", metric = "HealthyHostCount", label = zone, stat = "Maximum" }],
                  [{ of = "targets", metric = "UnHealthyHostCount", label = "unhealthy", stat = "Maximum" }],
                )
              },
              {
                width = 8, type = "graph", title = "Without a healthy proxy, or a port", period = 60
                lines = [
                  { of = "load_balancer", metric = "PortAllocationErrorCount", label = "dropped: no port left", stat = "Sum" },
                  { of = "load_balancer", metric = "UnhealthyRoutingFlowCount", label = "sent to an unhealthy proxy", stat = "Sum" },
                ]
              },
              {
                width = 8, type = "graph", title = "Resets", period = 60
                lines = [
                  { of = "load_balancer", metric = "TCP_Client_Reset_Count", label = "by Databricks", stat = "Sum" },
                  { of = "load_balancer", metric = "TCP_Target_Reset_Count", label = "by a proxy", stat = "Sum" },
                  { of = "load_balancer", metric = "TCP_ELB_Reset_Count", label = "by the load balancer", stat = "Sum" },
                ]
              },
            ]
          }],
          [{
            height = 6
            widgets = concat(
              [
                {
                  width = 8, type = "graph", title = "Processor and memory, percent", period = 300
                  lines = concat(
                    [
                      { of = "instances", metric = "CPUUtilization", label = "processor, busiest proxy", stat = "Maximum" },
                      { of = "instances", metric = "CPUUtilization", label = "processor, average", stat = "Average" },
                    ],
                    [for line in [
                      { of = "proxies", metric = "mem_used_percent", label = "memory, fullest proxy", stat = "Maximum" },
                    ] : line if var.proxy_metrics],
                  )
                },
                {
                  width = 8, type = "graph", title = "Network of the proxies", period = 300
                  lines = [
                    { of = "instances", metric = "NetworkIn", label = "bytes in", stat = "Sum" },
                    { of = "instances", metric = "NetworkOut", label = "bytes out", stat = "Sum" },
                  ]
                },
              ],
              [for widget in [{
                width = 8, type = "graph", title = "Held back by AWS, packets a second", period = 300
                lines = [for metric, label in {
                  ethtool_bw_in_allowance_exceeded     = "received"
                  ethtool_bw_out_allowance_exceeded    = "sent"
                  ethtool_conntrack_allowance_exceeded = "connections tracked"
                  ethtool_linklocal_allowance_exceeded = "DNS and metadata"
                  ethtool_pps_allowance_exceeded       = "packet rate"
                } : { of = "proxies", metric = metric, label = label, stat = "Maximum", rate = true }]
              }] : widget if var.proxy_metrics],
            )
          }],
        )
      },
    ],
    [for section in [{
      heading = "## To Azure"
      height  = 1
      rows = concat(
        [{
          height = 6
          widgets = [
            {
              width = 8, type = "graph", title = "Connections as the proxies saw them", period = 60
              lines = [
                { of = "connections", metric = "Connections", label = "all", stat = "Sum" },
                { of = "connections", metric = "UpstreamUnreachable", label = "upstream not reached", stat = "Sum" },
                { of = "connections", metric = "DeniedConnections", label = "name not listed", stat = "Sum" },
              ]
            },
            {
              width = 8, type = "log", title = "Upstreams not reached"
              query = "filter termination in [\"SC\", \"sC\"] | stats count(*) as failed by backend, termination | sort failed desc | limit 20"
            },
            {
              width = 8, type = "log", title = "Names that were refused"
              query = "filter decision = \"denied\" | stats count(*) as refused by sni, endpoint | sort refused desc | limit 20"
            },
          ]
        }],
      )
    }] : section if local.has_log],
    [for section in [{
      heading = "## NAT gateways"
      height  = 1
      rows = [{
        height = 6
        widgets = [
          {
            width = 8, type = "graph", title = "Connections", period = 60
            lines = flatten([for zone in keys(local.nat_gateways) : [
              { of = "nat ${zone}", metric = "ConnectionAttemptCount", label = "${zone} tried", stat = "Sum" },
              { of = "nat ${zone}", metric = "ConnectionEstablishedCount", label = "${zone} made", stat = "Sum" },
            ]])
          },
          {
            width = 8, type = "graph", title = "Ports", period = 60
            lines = flatten([for zone in keys(local.nat_gateways) : [
              { of = "nat ${zone}", metric = "ActiveConnectionCount", label = "${zone} open", stat = "Maximum" },
              { of = "nat ${zone}", metric = "ErrorPortAllocation", label = "${zone} no port left", stat = "Sum" },
            ]])
          },
          {
            width = 8, type = "graph", title = "Lost on the way", period = 60
            lines = flatten([for zone in keys(local.nat_gateways) : [
              { of = "nat ${zone}", metric = "PacketsDropCount", label = "${zone} packets dropped", stat = "Sum" },
              { of = "nat ${zone}", metric = "IdleTimeoutCount", label = "${zone} idle too long", stat = "Sum" },
            ]])
          },
        ]
      }]
    }] : section if length(local.nat_gateways) > 0],
    [for section in [{
      heading = "## Addresses"
      height  = 1
      rows = [
        {
          height = 6
          widgets = [
            {
              width = 8, type = "graph", title = "Pool", period = 60
              lines = [
                { of = "assigner", metric = "AddressesInUse", label = "in use", stat = "Maximum" },
                { of = "assigner", metric = "AddressesFree", label = "free and admitted", stat = "Minimum" },
                { of = "assigner", metric = "AddressesTotal", label = "all", stat = "Maximum" },
              ]
            },
            {
              width = 8, type = "graph", title = "Launches", period = 300
              lines = [
                { of = "assigner", metric = "Claims", label = "got an address", stat = "Sum" },
                { of = "assigner", metric = "HandOvers", label = "still wait", stat = "Sum" },
                { of = "assigner", metric = "Abandons", label = "given up", stat = "Sum" },
                { of = "assigner", metric = "ClaimConflicts", label = "lost an address to another", stat = "Sum" },
                { of = "assigner", metric = "Releases", label = "gave one back", stat = "Sum" },
              ]
            },
            {
              width = 8, type = "graph", title = "Time to an address, ms", period = 300
              lines = [
                { of = "assigner", metric = "ClaimDuration", label = "half of them", stat = "p50" },
                { of = "assigner", metric = "ClaimDuration", label = "longest", stat = "Maximum" },
              ]
            },
          ]
        },
        {
          height = 6
          widgets = [
            {
              width = 8, type = "graph", title = "Scheduled runs of the assigner", period = 300
              lines = [
                { of = "assigner", metric = "AddressesTotal", label = "runs that saw the pool", stat = "SampleCount" },
                { of = "assigner", metric = "ReconcilerRuns", label = "all runs", stat = "Sum" },
                { of = "assigner", metric = "Repairs", label = "repairs", stat = "Sum" },
              ]
            },
            {
              width = 8, type = "graph", title = "What is not as it should be", period = 60
              lines = [
                { of = "assigner", metric = "MembersWithoutAddress", label = "in service without address", stat = "Maximum" },
                { of = "assigner", metric = "StuckLaunches", label = "launches that wait", stat = "Maximum" },
                { of = "assigner", metric = "StuckTerminations", label = "ends that wait", stat = "Maximum" },
                { of = "assigner", metric = "DoubleAddresses", label = "two addresses", stat = "Maximum" },
                { of = "assigner", metric = "StrayAddresses", label = "held by a stranger to the group", stat = "Maximum" },
                { of = "assigner", metric = "ForeignHolders", label = "held by something else", stat = "Maximum" },
              ]
            },
            {
              width = 8, type = "graph", title = "The function", period = 300
              lines = [
                { of = "function", metric = "Invocations", label = "runs", stat = "Sum" },
                { of = "function", metric = "Errors", label = "failed", stat = "Sum" },
                { of = "function", metric = "Throttles", label = "not started by Lambda", stat = "Sum" },
                { of = "assigner", metric = "Denied", label = "calls that IAM refused", stat = "Sum" },
              ]
            },
          ]
        },
      ]
    }] : section if local.has_assigner],
  )

  # A heading is a row of its own.
  rows = flatten([for section in local.sections : concat(
    [{ height = section.height, widgets = [{ width = 24, type = "text", text = section.heading }] }],
    section.rows,
  )])

  placed = flatten([for index, row in local.rows : [for place, widget in row.widgets : merge(widget, {
    height = row.height
    x      = sum(concat([0], slice(row.widgets, 0, place)[*].width))
    y      = sum(concat([0], slice(local.rows, 0, index)[*].height))
  })]])

  # A line is one entry. One of a counter that only grows is two: itself, which is not drawn, and its rate.
  entries = [for widget in local.placed : concat([], [for number, line in try(widget.lines, []) : concat(
    [concat(
      [local.sources[line.of].namespace, line.metric],
      local.sources[line.of].dimensions,
      [merge(
        { stat = line.stat },
        { for option, value in { label = line.label } : option => value if !try(line.rate, false) },
        { for option, value in { id = "m${number}", visible = false } : option => value if try(line.rate, false) },
      )],
    )],
    [for rate in [{ expression = "RATE(m${number})", label = line.label, id = "e${number}" }] : [rate] if try(line.rate, false)],
  )]...)]

  # What CloudWatch wants of a widget of each kind; of a kind that a widget is not, null.
  properties = [for index, widget in local.placed : {
    text  = try({ markdown = widget.text, background = "transparent" }, null)
    alarm = try({ title = widget.title, alarms = widget.alarms }, null)
    log   = try({ title = widget.title, region = var.region, view = "table", query = "SOURCE '${var.proxy_log_group_name}' | ${widget.query}" }, null)
    graph = try({
      title = widget.title, region = var.region, period = widget.period, metrics = local.entries[index]
      view  = "timeSeries", stacked = false, yAxis = { left = { min = 0 } }
    }, null)
    number = try({
      title = widget.title, region = var.region, period = widget.period, metrics = local.entries[index]
      view  = "singleValue"
    }, null)
  }[widget.type]]

  dashboard_body = jsonencode({ widgets = [for index, widget in local.placed : {
    type       = contains(["graph", "number"], widget.type) ? "metric" : widget.type
    x          = widget.x
    y          = widget.y
    width      = widget.width
    height     = widget.height
    properties = local.properties[index]
  }] })
}
