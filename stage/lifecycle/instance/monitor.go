package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"wadi/internal/sleep"
	"wadi/stage/lifecycle"
)

const (
	// eagerInterval is between probes of a port that is still closed: such a
	// probe never reaches the app, so it may come often.
	eagerInterval = 100 * time.Millisecond
	// startInterval is between probes that reached the app before it was
	// healthy or ready (Diego's unhealthy interval).
	startInterval   = 2 * time.Second
	defaultInterval = 30 * time.Second
	defaultTimeout  = 60 * time.Second
)

// unhealthyError ends an instance. Code is the supervisor's exit code.
type unhealthyError struct {
	Code int
	Msg  string
}

func (e *unhealthyError) Error() string { return e.Msg }

// monitor probes one instance and writes to its board.
type monitor struct {
	board     *board
	host      string
	ports     []int         // all of them, by a check of type port; else the first
	timeout   time.Duration // until the first passed check
	health    lifecycle.Check
	readiness lifecycle.Check
	log       io.Writer
}

// run returns an error when the instance is to be ended, nil when
// ctx is.
func (m *monitor) run(ctx context.Context) *unhealthyError {
	if err := m.startup(ctx); err != nil {
		return err
	}
	if probes(m.readiness) {
		m.board.set(lifecycle.HealthNotReady, "no readiness check has passed yet")
		go m.watchReadiness(ctx)
	} else {
		m.board.set(lifecycle.HealthHealthy, "")
	}
	if !probes(m.health) {
		<-ctx.Done()
		return nil
	}
	return m.liveness(ctx)
}

// probe checks once: every port must answer a check of type port.
func (m *monitor) probe(ctx context.Context, c lifecycle.Check) error {
	ports := m.ports
	if c.Type != "port" {
		ports = ports[:1]
	}
	for _, port := range ports {
		if err := probe(ctx, c, m.host, port); err != nil {
			return err
		}
	}
	return nil
}

// startup waits for the first passed check.
func (m *monitor) startup(ctx context.Context) *unhealthyError {
	if !probes(m.health) {
		return nil
	}
	fmt.Fprintln(m.log, "Starting health monitoring of container")
	start := time.Now()
	end := start.Add(m.timeout)
	deadline, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	for attempts := 1; ; attempts++ {
		err := m.probe(deadline, m.health)
		if err == nil {
			fmt.Fprintln(m.log, "Container became healthy")
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if time.Now().Before(end) { // else it was cut short; a connection knows before the context does
			m.board.set(lifecycle.HealthStarting, err.Error())
		}
		wait := startInterval
		if errors.Is(err, syscall.ECONNREFUSED) {
			wait = eagerInterval
		}
		if sleep.For(deadline, wait) != nil {
			if ctx.Err() != nil {
				return nil
			}
			return m.neverHealthy(time.Since(start), attempts)
		}
	}
}

func (m *monitor) neverHealthy(took time.Duration, attempts int) *unhealthyError {
	last := m.board.get().Reason
	took = took.Round(100 * time.Millisecond)
	fmt.Fprintf(m.log, "Timed out after %s (%d attempts) waiting for startup check to succeed: %s\n", m.timeout, attempts, last)
	fmt.Fprintf(m.log, "Failed after %s: startup health check never passed.\n", took)
	return &unhealthyError{
		Code: lifecycle.ExitNeverHealthy,
		Msg:  lifecycle.NeverHealthy + fmt.Sprintf("%s: %s", took, last),
	}
}

// liveness probes until a check fails: one is enough.
func (m *monitor) liveness(ctx context.Context) *unhealthyError {
	for sleep.For(ctx, interval(m.health)) == nil {
		err := m.probe(ctx, m.health)
		if err == nil || ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(m.log, "Liveness check unsuccessful: %s\n", err)
		fmt.Fprintln(m.log, "Container became unhealthy")
		m.board.set(lifecycle.HealthUnhealthy, err.Error())
		return &unhealthyError{Code: lifecycle.ExitUnhealthy, Msg: "Instance became unhealthy: " + err.Error()}
	}
	return nil
}

// watchReadiness takes the instance out of the routes and puts it back; it
// never ends it.
func (m *monitor) watchReadiness(ctx context.Context) {
	ready := false
	for wait := time.Duration(0); sleep.For(ctx, wait) == nil; {
		err := m.probe(ctx, m.readiness)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil && !ready:
			fmt.Fprintln(m.log, "Container passed the readiness health check. Container marked ready and added to route pool.")
			m.board.set(lifecycle.HealthHealthy, "")
		case err != nil:
			if ready {
				fmt.Fprintf(m.log, "Readiness check unsuccessful: %s\n", err)
				fmt.Fprintln(m.log, "Container failed the readiness health check. Container marked not ready and removed from route pool.")
			}
			m.board.set(lifecycle.HealthNotReady, err.Error())
		}
		ready = err == nil
		wait = startInterval
		if ready {
			wait = interval(m.readiness)
		}
	}
}

func interval(c lifecycle.Check) time.Duration {
	if c.IntervalS > 0 {
		return time.Duration(c.IntervalS) * time.Second
	}
	return defaultInterval
}
