variables {
  upstreams = { openai = { hostname = "acme.openai.azure.com" } }
}

run "no_upstream" {
  command = plan

  variables {
    upstreams = {}
  }

  expect_failures = [var.upstreams]
}

run "eleven_upstreams" {
  command = plan

  variables {
    upstreams = { for i in range(11) : "u${i}" => { hostname = "u${i}.example.com" } }
  }

  expect_failures = [var.upstreams]
}

run "key_with_capitals" {
  command = plan

  variables {
    upstreams = { OpenAI = { hostname = "acme.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "key_with_blank" {
  command = plan

  variables {
    upstreams = { "a b" = { hostname = "acme.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "key_of_33_characters" {
  command = plan

  variables {
    upstreams = { "a23456789012345678901234567890123" = { hostname = "acme.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "key_ends_with_hyphen" {
  command = plan

  variables {
    upstreams = { "openai-" = { hostname = "acme.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_is_a_url" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "https://acme.openai.azure.com/" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_is_a_wildcard" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "*.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_with_capitals" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "Acme.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_is_an_address" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "10.0.0.1" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_breaks_out_of_the_configuration" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "a.example.com }\nbackend x" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_too_long" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "${join(".", [for i in range(60) : "abcd"])}.com" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_missing" {
  command = plan

  variables {
    upstreams = { openai = { hostname = null } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_twice" {
  command = plan

  variables {
    upstreams = { a = { hostname = "acme.openai.azure.com" }, b = { hostname = "acme.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "no_address" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "acme.openai.azure.com", addresses = 0 } }
  }

  expect_failures = [var.upstreams]
}

run "too_many_addresses" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "acme.openai.azure.com", addresses = 33 } }
  }

  expect_failures = [var.upstreams]
}

run "half_an_address" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "acme.openai.azure.com", addresses = 1.5 } }
  }

  expect_failures = [var.upstreams]
}

run "proxy_port_too_low" {
  command = plan

  variables {
    proxy_port = 0
  }

  expect_failures = [var.proxy_port]
}

run "proxy_port_too_high" {
  command = plan

  variables {
    proxy_port = 65536
  }

  expect_failures = [var.proxy_port]
}

run "proxy_port_not_whole" {
  command = plan

  variables {
    proxy_port = 443.5
  }

  expect_failures = [var.proxy_port]
}

run "health_port_too_low" {
  command = plan

  variables {
    health_port = 80
  }

  expect_failures = [var.health_port]
}

run "health_port_too_high" {
  command = plan

  variables {
    health_port = 65536
  }

  expect_failures = [var.health_port]
}

run "status_port_too_low" {
  command = plan

  variables {
    status_port = 80
  }

  expect_failures = [var.status_port]
}

run "status_port_too_high" {
  command = plan

  variables {
    status_port = 65536
  }

  expect_failures = [var.status_port]
}

run "status_port_is_the_health_port" {
  command = plan

  variables {
    status_port = 8404
  }

  expect_failures = [var.status_port]
}

run "max_connections_too_low" {
  command = plan

  variables {
    max_connections = 99
  }

  expect_failures = [var.max_connections]
}

run "max_connections_too_high" {
  command = plan

  variables {
    max_connections = 100001
  }

  expect_failures = [var.max_connections]
}

run "max_connections_not_whole" {
  command = plan

  variables {
    max_connections = 1000.5
  }

  expect_failures = [var.max_connections]
}

run "tunnel_timeout_too_low" {
  command = plan

  variables {
    tunnel_timeout = 59
  }

  expect_failures = [var.tunnel_timeout]
}

run "tunnel_timeout_too_high" {
  command = plan

  variables {
    tunnel_timeout = 86401
  }

  expect_failures = [var.tunnel_timeout]
}

run "tunnel_timeout_not_whole" {
  command = plan

  variables {
    tunnel_timeout = 60.5
  }

  expect_failures = [var.tunnel_timeout]
}

run "nameserver_without_port" {
  command = plan

  variables {
    nameserver = "169.254.169.253"
  }

  expect_failures = [var.nameserver]
}

run "nameserver_is_a_name" {
  command = plan

  variables {
    nameserver = "dns.example.com:53"
  }

  expect_failures = [var.nameserver]
}

run "nameserver_is_no_address" {
  command = plan

  variables {
    nameserver = "999.254.169.253:53"
  }

  expect_failures = [var.nameserver]
}

run "nameserver_port_too_high" {
  command = plan

  variables {
    nameserver = "169.254.169.253:65536"
  }

  expect_failures = [var.nameserver]
}

run "health_port_is_the_proxy_port" {
  command = plan

  variables {
    proxy_port  = 8443
    health_port = 8443
  }

  expect_failures = [var.health_port]
}
