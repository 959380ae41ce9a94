// Package router is wadi's HTTP edge: it sends each request to a ready
// instance of the app that owns the request's host and path.
//
// It learns everything from Nomad. An app's instances register a native
// service whose tags carry the routes (nomad.RouteTag); the router follows the
// registrations with a blocking query, makes sure that each belongs to an
// allocation of a job of ours, and asks the instance's own supervisor whether
// it is ready. Nothing else can become a back end: neither a job that copies
// the tags, nor a stranger on a port that was an instance's yesterday.
//
// The router keeps no state. When Nomad cannot be reached it goes on with what
// it last knew.
package router
