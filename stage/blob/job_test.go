package blob

import (
	"strings"
	"testing"
)

func TestStagingJobID(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("0123456789abcdef", 4)
	id := StagingJobID("my-app-1", key, "k3j9")
	if want := "wadi_stage_my-app-1_0123456789abcdef_k3j9"; id != want {
		t.Errorf("id = %q, want %q", id, want)
	}
	app, prefix, nonce, ok := ParseStagingJobID(id)
	if !ok || app != "my-app-1" || prefix != key[:16] || nonce != "k3j9" {
		t.Errorf("parsed as %q %q %q %v", app, prefix, nonce, ok)
	}
}

func TestParseStagingJobIDRefuses(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", "shop", "wadi_stage_", "wadi-stage-shop-0123456789abcdef-1",
		"wadi_stage_shop_0123456789abcde_1",   // 15 digits
		"wadi_stage_shop_0123456789abcdef0_1", // 17
		"wadi_stage_shop_0123456789ABCDEF_1",
		"wadi_stage_shop_0123456789abcdef_",
		"wadi_stage__0123456789abcdef_1",
		"wadi_stage_a_b_0123456789abcdef_1",
		"wadi_stage_shop_0123456789abcdef_1_2",
		"x_wadi_stage_shop_0123456789abcdef_1",
		"wadi_stage_shop_0123456789abcdef_1\n",
		"wadi_stage_shop/0123456789abcdef_1",
		"wadi_stage_" + strings.Repeat("a", 51) + "_0123456789abcdef_1",
	} {
		if app, prefix, nonce, ok := ParseStagingJobID(id); ok {
			t.Errorf("%q was taken for a staging job: %q %q %q", id, app, prefix, nonce)
		}
	}
}
