# A whole app: two processes, a sidecar, and a service (services.wadi.hcl).

project = "shop"

app "shop" {
  path     = "./app" # go.mod is there, so the buildpack is go: bin/web, bin/worker, bin/stock
  services = ["shop-db"]

  process "web" { # starts ./bin/web, and gets the route
    instances = 1
    memory    = "64M" # all of the instance: web has what the sidecar leaves

    health_check {
      type     = "http"
      endpoint = "/health"
    }
  }

  process "worker" {
    instances = 1
    memory    = "48M"
    command   = "./bin/worker"
  }

  sidecar "stock" {
    command       = "./bin/stock"
    process_types = ["web"]
    memory        = "16M"
  }
}
