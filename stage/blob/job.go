package blob

import "regexp"

// stagingKeyPrefix is how many hex digits of the staging key a staging job's
// id carries: what the server knows the job's own result by.
const stagingKeyPrefix = 16

// An app's job id has no underscore, so a staging job can be no app's.
var stagingJobID = regexp.MustCompile(`^wadi_stage_([a-z0-9-]{1,50})_([0-9a-f]{16})_([a-z0-9]{1,32})$`)

// StagingJobPrefix starts the ids of all staging jobs of an app, and of no
// other's.
func StagingJobPrefix(appID string) string { return "wadi_stage_" + appID + "_" }

// StagingJobID is the Nomad job id of one staging: of the app with job id
// appID ([a-z0-9-]{1,50}), for the staging key (64 hex digits), made unique
// by the nonce ([a-z0-9]{1,32}). The server grants rights by it.
func StagingJobID(appID, key, nonce string) string {
	return StagingJobPrefix(appID) + key[:min(len(key), stagingKeyPrefix)] + "_" + nonce
}

// ParseStagingJobID takes a staging job's id apart; keyPrefix is the first
// 16 digits of the key. ok is false for every other job.
func ParseStagingJobID(id string) (appID, keyPrefix, nonce string, ok bool) {
	m := stagingJobID.FindStringSubmatch(id)
	if m == nil {
		return "", "", "", false
	}
	return m[1], m[2], m[3], true
}
