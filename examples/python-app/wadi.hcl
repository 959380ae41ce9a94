# A Python app with its requirements beside it: app/vendor.

project = "python-app"

app "python-app" {
  path = "./app" # requirements.txt is there, so the buildpack is python

  env = {
    GREETING = "Hello"
  }

  process "web" {
    instances = 1
    memory    = "128M"
  }
}
