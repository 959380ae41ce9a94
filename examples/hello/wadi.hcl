# A folder of static files becomes a web site.

project = "hello"

app "hello" {
  path       = "./site"
  buildpacks = ["staticfile"] # built in: serves the files on $PORT

  process "web" {
    instances = 1
    memory    = "64M"
  }
}
