# A Node.js app with its dependencies beside it: app/node_modules.

project = "node-app"

app "node-app" {
  path = "./app" # package.json is there, so the buildpack is nodejs

  env = {
    GREETING = "Hello"
  }

  process "web" {
    instances = 1
    memory    = "128M"
  }
}
