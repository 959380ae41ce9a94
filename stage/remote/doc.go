// Package remote gets buildpacks that are not folders: git repositories over
// https and ssh, and archives, by HTTP or on the disk. A source is pinned
// first, to a commit or a digest, which asks its server as little as it can;
// what a pin stands for is fetched when it is needed, and kept in a cache.
//
// Git is the user's own program, not go-git: people's credential helpers, ssh
// configuration, proxies and certificates are set up for it, submodules and
// shallow fetches are complete in it, and its fixes come with the system.
// What an address could make it do beyond fetching is switched off (git.go).
package remote
