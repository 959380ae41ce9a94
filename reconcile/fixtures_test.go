package reconcile

import "wadi/stage/blob"

var testBlobs = &blob.Client{URL: "http://blobs"}
