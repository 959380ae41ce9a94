package cli

import "slices"

// cfWords are commands of cf's, with their short names, that are called
// otherwise here or that the files take the place of.
var cfWords = []struct {
	words []string
	hint  string
}{
	{[]string{"push", "p"}, "`wadi apply` pushes the apps of the files; `wadi plan` says beforehand what it would do"},
	{[]string{"app", "apps", "a"}, "`wadi status` shows how apps run"},
	{[]string{"delete", "d"}, "`wadi destroy` stops and forgets the apps of the files; one that leaves the files is stopped by `wadi apply`"},
	{[]string{"scale"}, "write `instances`, `memory` or `disk_quota` in the files, then `wadi apply`"},
	{[]string{"env", "e", "set-env", "se", "unset-env"}, "write `env` in the files, then `wadi apply`"},
	{[]string{"routes", "r", "map-route", "unmap-route", "create-route", "delete-route"}, "write `routes` in the files, then `wadi apply`"},
	{[]string{"services", "s", "service", "bind-service", "bs", "unbind-service", "us", "create-service", "cs", "create-user-provided-service", "cups"},
		"declare a `service_instance` in a wadi.hcl and name it below `services`, then `wadi apply`"},
	{[]string{"buildpacks", "create-buildpack", "update-buildpack"}, "name them below `buildpacks` in the files; a `buildpack` block in a wadi.hcl gives an address a name"},
	{[]string{"restage", "rg", "stage", "stage-package"}, "`wadi apply --restage` stages anew"},
	{[]string{"restart-app-instance"}, "`wadi restart APP --instance INDEX` restarts one instance"},
	{[]string{"run-task", "rt"}, "`wadi task APP -- COMMAND` runs a command with an app's droplet"},
	{[]string{"rollback", "revisions", "revision"}, "`wadi events` shows revisions; an older version of the files is the way back, and its droplet is there still"},
	{[]string{"create-app-manifest"}, "`wadi init` writes a first file, `wadi convert` a manifest.yml of HCL files"},
	{[]string{"target", "t", "api", "spaces"}, "Nomad's address is NOMAD_ADDR; a space is a Nomad namespace, --space or NOMAD_NAMESPACE"},
	{[]string{"login", "l", "auth", "logout", "lo"}, "who you are is said by a token of Nomad's, NOMAD_TOKEN"},
}

// cfHint says what a command of cf's is here; "" = it is none, or is called
// so here too.
func cfHint(word string) string {
	for _, of := range cfWords {
		if slices.Contains(of.words, word) {
			return of.hint
		}
	}
	return ""
}
