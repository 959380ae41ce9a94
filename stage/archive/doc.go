// Package archive writes folders as deterministic tar streams and unpacks
// such streams, never outside of the folder they are meant for. Packages,
// droplets, buildpacks and caches all travel so. It is used by the client and
// inside the task, so it needs nothing but the standard library and x/sys.
package archive
