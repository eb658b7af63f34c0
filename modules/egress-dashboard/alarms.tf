# Alarms as data. Each has
#   severity   critical: queries fail now, somebody has to look now. warning: something is worn out, or would not be
#              mended by itself if the next thing broke; working hours will do.
#   what       what is the case, in a sentence, for whoever is woken by it
#   metrics    by id; the one that is compared is `expression`, or the only metric where there is none
#   missing    what no data means. `breaching` where silence is the fault itself or comes with it, `notBreaching` where
#              AWS reports only what is not zero, or where another alarm is about the silence.
# The key is the anchor in the runbook; keys of several alarms about one thing have a number behind a dot.
locals {
  fleet_alarms = merge(
    { for key, alarm in {
      no-healthy-proxy = {
        severity   = "critical"
        what       = "No proxy passes the load balancer's health check: no query reaches Azure."
        metrics    = { healthy = merge(local.targets, { metric = "HealthyHostCount", stat = "Maximum" }) }
        expression = null
        comparison = "LessThanThreshold"
        threshold  = 1
        period     = 60
        periods    = [2, 2]
        # A target group without any target reports nothing.
        missing = "breaching"
      }
    } : key => alarm if var.min_size >= 1 },
    { for key, alarm in {
      too-few-healthy-proxies = {
        severity   = "warning"
        what       = "Fewer than ${var.min_size} proxies have been healthy for half an hour. The others serve, with less to spare."
        metrics    = { healthy = merge(local.targets, { metric = "HealthyHostCount", stat = "Maximum" }) }
        expression = null
        comparison = "LessThanThreshold"
        threshold  = var.min_size
        period     = 300
        # Replacing half of a fleet, which is routine, is over by then.
        periods = [6, 6]
        missing = "breaching"
      }
    } : key => alarm if var.min_size >= 2 },
  )

  # Only where there is a proxy for each zone: with fewer, an empty zone is nothing to report.
  zone_alarms = { for index, zone in var.zones : "zone-without-healthy-proxy.${index + 1}" => {
    severity   = "warning"
    what       = "The load balancer has had no healthy proxy in ${zone} for half an hour. Another failed zone would hurt more than it should."
    metrics    = { healthy = merge(local.zone_targets[index], { metric = "HealthyHostCount", stat = "Maximum" }) }
    expression = null
    comparison = "LessThanThreshold"
    threshold  = 1
    period     = 300
    periods    = [6, 6]
    missing    = "breaching"
  } if var.min_size >= length(var.zones) }

  connection_alarms = {
    port-allocation-errors = {
      severity   = "critical"
      what       = "The load balancer has no port left to open connections to the proxies with, and drops new ones."
      metrics    = { errors = merge(local.load_balancer, { metric = "PortAllocationErrorCount", stat = "Sum" }) }
      expression = null
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period     = 60
      periods    = [2, 5]
      missing    = "notBreaching"
    }
    connections-near-limit = {
      severity = "warning"
      what     = "The proxies hold more than 80 percent of the ${var.max_connections} connections that each can carry."
      metrics = {
        flows   = merge(local.load_balancer, { metric = "ActiveFlowCount", stat = "Average" })
        healthy = merge(local.targets, { metric = "HealthyHostCount", stat = "Maximum" })
      }
      expression = { formula = "IF(healthy > 0, 100 * flows / (healthy * ${var.max_connections}), 0)", label = "percent of the connections that fit" }
      comparison = "GreaterThanThreshold"
      threshold  = 80
      period     = 60
      periods    = [10, 10]
      missing    = "notBreaching"
    }
    connections-reset = {
      severity = "warning"
      what     = "More than a fifth of the new connections end with a reset by the proxies or the load balancer."
      metrics = {
        target        = merge(local.load_balancer, { metric = "TCP_Target_Reset_Count", stat = "Sum" })
        load_balancer = merge(local.load_balancer, { metric = "TCP_ELB_Reset_Count", stat = "Sum" })
        opened        = merge(local.load_balancer, { metric = "NewFlowCount", stat = "Sum" })
      }
      # A share of a handful says nothing.
      expression = { formula = "IF(opened >= 50, 100 * (target + load_balancer) / opened, 0)", label = "resets, percent of new connections" }
      comparison = "GreaterThanThreshold"
      threshold  = 20
      period     = 300
      periods    = [3, 3]
      missing    = "notBreaching"
    }
  }

  log_alarms = { for key, alarm in {
    upstream-unreachable = {
      severity = "critical"
      what     = "The proxies cannot connect to an upstream: a quarter of all connections and more fail on the way to Azure."
      metrics = {
        failed = merge(local.connections, { metric = "UpstreamUnreachable", stat = "Sum" })
        opened = merge(local.connections, { metric = "Connections", stat = "Sum" })
      }
      expression = { formula = "IF(opened >= 5, 100 * failed / opened, 0)", label = "failed, percent of connections" }
      comparison = "GreaterThanOrEqualToThreshold"
      threshold  = 25
      period     = 300
      periods    = [2, 2]
      missing    = "notBreaching"
    }
  } : key => alarm if local.has_log }

  # The driver's counters only grow, so what counts is how fast. Of the fleet it is the proxy with the largest count: a
  # sum would jump with every proxy that comes or goes.
  allowance_alarms = { for key, alarm in {
    connection-tracking-exceeded = {
      severity   = "critical"
      what       = "AWS drops new connections of a proxy, because its instance type tracks no more of them."
      metrics    = { dropped = merge(local.proxies, { metric = "ethtool_conntrack_allowance_exceeded", stat = "Maximum" }) }
      expression = { formula = "DIFF(dropped)", label = "packets dropped" }
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period     = 300
      periods    = [2, 2]
      missing    = "notBreaching"
    }
    bandwidth-allowance-exceeded = {
      severity = "warning"
      what     = "AWS has held back or dropped packets of a proxy for a quarter of an hour, because its instance type may send or receive no more."
      metrics = {
        received = merge(local.proxies, { metric = "ethtool_bw_in_allowance_exceeded", stat = "Maximum" })
        sent     = merge(local.proxies, { metric = "ethtool_bw_out_allowance_exceeded", stat = "Maximum" })
        packets  = merge(local.proxies, { metric = "ethtool_pps_allowance_exceeded", stat = "Maximum" })
      }
      expression = { formula = "MAX([RATE(received), RATE(sent), RATE(packets)])", label = "packets a second" }
      # Short bursts are queued, not lost, and every instance of a small type has some.
      comparison = "GreaterThanThreshold"
      threshold  = 1
      period     = 300
      periods    = [3, 3]
      missing    = "notBreaching"
    }
  } : key => alarm if var.proxy_metrics }

  assigner_alarms = { for key, alarm in {
    pool-exhausted = {
      severity = "warning"
      what     = "A proxy has waited for an address for minutes, and the pool has none that is free and admitted."
      metrics = {
        free    = merge(local.assigner, { metric = "AddressesFree", stat = "Maximum" })
        waiting = merge(local.assigner, { metric = "StuckLaunches", stat = "Minimum" })
      }
      expression = { formula = "IF(free < 1 AND waiting > 0, waiting, 0)", label = "proxies that wait" }
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period     = 300
      periods    = [2, 2]
      missing    = "notBreaching"
    }
    launch-stuck = {
      severity = "warning"
      what     = "A proxy has waited for its address for minutes, although the pool has a free one."
      metrics = {
        free    = merge(local.assigner, { metric = "AddressesFree", stat = "Minimum" })
        waiting = merge(local.assigner, { metric = "StuckLaunches", stat = "Minimum" })
      }
      expression = { formula = "IF(free > 0 AND waiting > 0, waiting, 0)", label = "proxies that wait" }
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period     = 300
      periods    = [2, 2]
      missing    = "notBreaching"
    }
    launch-abandoned = {
      severity   = "warning"
      what       = "The assigner gave up a starting proxy that could not get its address. Auto Scaling starts another."
      metrics    = { abandons = merge(local.assigner, { metric = "Abandons", stat = "Sum" }) }
      expression = null
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period     = 300
      periods    = [1, 1]
      missing    = "notBreaching"
    }
    repairs-repeat = {
      severity   = "warning"
      what       = "The assigner's schedule keeps repairing the fleet's addresses. Once is its job; again and again is somebody, or something, that undoes it."
      metrics    = { repairs = merge(local.assigner, { metric = "Repairs", stat = "Sum" }) }
      expression = null
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period     = 300
      periods    = [3, 6]
      missing    = "notBreaching"
    }
    reconciler-silent = {
      severity = "warning"
      what     = "For ten minutes no scheduled run of the assigner has seen the pool. The proxies serve, but what breaks now is not mended."
      # Written by each run that saw the pool, unlike ReconcilerRuns, which a blind one writes too.
      metrics    = { runs = merge(local.assigner, { metric = "AddressesTotal", stat = "SampleCount" }) }
      expression = null
      comparison = "LessThanThreshold"
      threshold  = 1
      period     = 300
      periods    = [2, 2]
      missing    = "breaching"
    }
    function-errors = {
      severity = "warning"
      what     = "Half and more of the assigner's runs have failed for a quarter of an hour."
      metrics = {
        errors      = merge(local.function, { metric = "Errors", stat = "Sum" })
        invocations = merge(local.function, { metric = "Invocations", stat = "Sum" })
      }
      # A launch that waits long is handed from one run to the next by an error, so some are no fault.
      expression = { formula = "IF(invocations > 0, 100 * errors / invocations, 0)", label = "failed, percent of runs" }
      comparison = "GreaterThanOrEqualToThreshold"
      threshold  = 50
      period     = 300
      periods    = [3, 3]
      missing    = "notBreaching"
    }
  } : key => alarm if local.has_assigner }

  nat_alarms = merge([for index, zone in keys(local.nat_gateways) : {
    "nat-port-allocation-errors.${index + 1}" = {
      severity   = "critical"
      what       = "The NAT gateway in ${zone} has no port left for new connections to an upstream, and refuses them."
      metrics    = { errors = merge(local.nat_gateways[zone], { metric = "ErrorPortAllocation", stat = "Sum" }) }
      expression = null
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period     = 60
      periods    = [2, 5]
      missing    = "notBreaching"
    }
    "nat-packets-dropped.${index + 1}" = {
      severity = "warning"
      what     = "The NAT gateway in ${zone} drops more than one packet in ten thousand."
      metrics = {
        dropped = merge(local.nat_gateways[zone], { metric = "PacketsDropCount", stat = "Sum" })
        out     = merge(local.nat_gateways[zone], { metric = "PacketsInFromSource", stat = "Sum" })
        back    = merge(local.nat_gateways[zone], { metric = "PacketsInFromDestination", stat = "Sum" })
      }
      # From 0.01 percent on AWS itself advises to look at its health page.
      expression = { formula = "IF(out + back > 0, 100 * dropped / (out + back), 0)", label = "dropped, percent of packets" }
      comparison = "GreaterThanThreshold"
      threshold  = 0.01
      period     = 300
      periods    = [3, 3]
      missing    = "notBreaching"
    }
  }]...)

  alarms = merge(
    local.fleet_alarms,
    local.zone_alarms,
    local.connection_alarms,
    local.log_alarms,
    local.allowance_alarms,
    local.assigner_alarms,
    local.nat_alarms,
  )
}
