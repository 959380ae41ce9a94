# An app that brings its own buildpack.

project = "own-buildpack"

app "notes" {
  path       = "./app"
  buildpacks = ["./buildpack"] # a folder with bin/detect, supply, finalize, release

  env = {
    NOTES_TITLE = "Notes" # the buildpack's finalize reads it: a change stages again
  }

  process "web" {
    instances = 1
    memory    = "64M"
  }
}
