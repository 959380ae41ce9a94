# An app that changes its own files when it starts.

project = "stateful-start"

app "stateful-start" {
  path = "./app" # a Procfile, and .profile, which runs before every start

  process "web" {
    instances = 1
    memory    = "32M"
  }
}
