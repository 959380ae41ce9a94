package lifecycle

// Builtins names the buildpacks inside the lifecycle, in the order in which
// they are asked to detect, which is Cloud Foundry's: a Staticfile wins over
// the package.json beside it. "binary" never detects; it is there to be named.
func Builtins() []string {
	return []string{"staticfile", "nodejs", "go", "python", "procfile", "binary"}
}

// Scripts are the files of a buildpack that the lifecycle runs.
func Scripts() []string {
	return []string{"bin/detect", "bin/supply", "bin/finalize", "bin/compile", "bin/release"}
}
