package launch

import (
	"encoding/json"
	"errors"
	"strings"
)

// platformOptions is VCAP_PLATFORM_OPTIONS.
type platformOptions struct {
	CredHubURI string `json:"credhub-uri"`
}

// ErrCredHub is a request for what only a Cloud Foundry with CredHub can do.
var ErrCredHub = errors.New("there is no CredHub here: give the credentials themselves in VCAP_SERVICES, or set CREDHUB_SKIP_INTERPOLATION to leave the references as they are")

// PlatformError is a VCAP_PLATFORM_OPTIONS that cannot be followed. Msg is
// what Cloud Foundry's programs say, so it keeps its capital.
type PlatformError struct {
	Msg string
	Err error
}

func (e *PlatformError) Error() string { return e.Msg + ": " + e.Err.Error() }

func (e *PlatformError) Unwrap() error { return e.Err }

// CheckPlatformOptions refuses a VCAP_PLATFORM_OPTIONS that is no JSON, and
// one that asks for credentials out of CredHub (ErrCredHub): an app must not
// start with references in their place.
func CheckPlatformOptions(getenv func(string) string) error {
	text := getenv("VCAP_PLATFORM_OPTIONS")
	if text == "" {
		return nil
	}
	var options platformOptions
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return &PlatformError{Msg: "Invalid platform options", Err: err}
	}
	if options.CredHubURI == "" || getenv("CREDHUB_SKIP_INTERPOLATION") != "" || !strings.Contains(getenv("VCAP_SERVICES"), `"credhub-ref"`) {
		return nil
	}
	return &PlatformError{Msg: "Unable to interpolate credhub refs", Err: ErrCredHub}
}
