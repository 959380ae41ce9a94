# A Go app with its dependencies beside it: app/vendor.

project = "go-app"

app "go-app" {
  path = "./app" # go.mod is there, so the buildpack is go

  env = {
    GREETING = "Hello"
  }

  process "web" {
    instances = 1
    memory    = "32M"
  }
}
