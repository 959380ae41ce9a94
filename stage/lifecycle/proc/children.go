package proc

import (
	"fmt"

	"wadi/internal/procstat"
)

// childrenOf lists the processes whose parent is pid, ended ones that are
// not yet reaped included.
func childrenOf(pid int) ([]int, error) {
	all, err := procstat.PIDs()
	if err != nil {
		return nil, fmt.Errorf("ending what the task started: %w", err)
	}
	var children []int
	for _, p := range all {
		if stat, err := procstat.Read(p); err == nil && stat.Parent == pid { // else it has gone meanwhile
			children = append(children, p)
		}
	}
	return children, nil
}
