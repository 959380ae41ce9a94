package router

// noticeboard keeps what holds now from being said again in every round.
type noticeboard struct{ up map[string]bool }

// fresh takes all that holds now, and gives those that did not a round ago,
// each once.
func (b *noticeboard) fresh(now []string) []string {
	up := map[string]bool{}
	var fresh []string
	for _, n := range now {
		if !b.up[n] && !up[n] {
			fresh = append(fresh, n)
		}
		up[n] = true
	}
	b.up = up
	return fresh
}
