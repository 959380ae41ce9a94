package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"wadi/nomad"
	"wadi/stage/lifecycle"
)

// Apply carries out the plan, apps in parallel. The outcome is complete also
// with an error, which joins those of the apps. When ctx ends, nothing new
// starts, staging jobs of ours are stopped, and a running deployment is left
// to Nomad.
func (r *Reconciler) Apply(ctx context.Context, plan *Plan) (*Outcome, error) {
	plan, err := r.prepare(ctx, plan)
	if err != nil {
		return &Outcome{}, err
	}
	done := make([]chan struct{}, len(plan.Apps))
	outcomes := make([]AppOutcome, len(plan.Apps))
	for i := range done {
		done[i] = make(chan struct{})
	}
	return r.forEach(len(plan.Apps), func(i int, slot func() (free func())) AppOutcome {
		defer close(done[i])
		for _, after := range plan.Apps[i].After {
			<-done[after.index] // which has no slot to wait for that this one holds
			if outcomes[after.index].Err != nil {
				err := &AppError{App: plan.Apps[i].App, Step: "start", Err: fmt.Errorf("nothing was changed, because %s, failed", after)}
				outcomes[i] = AppOutcome{App: plan.Apps[i].App, Action: plan.Apps[i].Action, Err: err, Error: err.Error()}
				return outcomes[i]
			}
		}
		defer slot()()
		outcomes[i] = r.applyApp(ctx, plan.Apps[i])
		return outcomes[i]
	})
}

// forEach works on n apps in parallel; as many at a time as the options say
// get a slot.
func (r *Reconciler) forEach(n int, do func(i int, slot func() (free func())) AppOutcome) (*Outcome, error) {
	outcomes := make([]AppOutcome, n)
	slots := make(chan struct{}, r.parallelism())
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			outcomes[i] = do(i, func() func() {
				slots <- struct{}{}
				return func() { <-slots }
			})
		})
	}
	wait.Wait()
	var errs []error
	for _, o := range outcomes {
		errs = append(errs, o.Err)
	}
	return &Outcome{Apps: outcomes}, errors.Join(errs...)
}

// run is one app on its way through its operations.
type run struct {
	r    *Reconciler
	plan AppPlan
	lock *nomad.Lock
	out  AppOutcome

	pkg      string // blob digest of the package
	packs    []lifecycle.BuildpackRef
	tail     stagingTail
	result   lifecycle.Result
	revision revision
	reverted bool // Nomad went back to the version before
}

func (r *Reconciler) applyApp(ctx context.Context, plan AppPlan) AppOutcome {
	u := &run{r: r, plan: plan, out: AppOutcome{App: plan.App, Action: plan.Action}}
	if plan.Action == LeftAlone {
		return u.out
	}
	err := u.all(ctx)
	if err == nil && plan.Action != Destroy {
		u.out.Status, err = r.appStatus(ctx, plan.Job)
	}
	if err != nil {
		u.out.Err, u.out.Error = err, err.Error()
	}
	return u.out
}

// all carries out the operations one after the other, holding the app's lock.
func (u *run) all(ctx context.Context) error {
	if len(u.plan.Operations) == 0 {
		return nil
	}
	return u.locked(ctx, func() error {
		// Whoever held the lock may have changed the app: then this plan is of yesterday.
		if err := u.r.Nomad.CheckIndex(ctx, u.plan.Job, u.plan.index); err != nil {
			return u.fail("start", err)
		}
		if err := u.sweep(ctx, false); err != nil {
			return u.fail("start", err)
		}
		if err := u.r.removeTasks(ctx, u.plan.Job, false); err != nil {
			return u.fail("start", err)
		}
		return u.operate(ctx)
	})
}

// operate carries out the operations one after the other. Where one failed
// because of what is damaged in the blob store, that is made again.
func (u *run) operate(ctx context.Context) error {
	for mended := 0; ; mended++ {
		failed, err := u.chain(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || mended == maxMends || !u.mend(ctx, failed, err) {
			return err
		}
	}
}

// chain carries out the operations until one fails, and says which.
func (u *run) chain(ctx context.Context) (Kind, error) {
	for _, op := range u.plan.Operations {
		if err := context.Cause(ctx); err != nil {
			return op.Kind, u.fail(string(op.Kind), err)
		}
		if err := u.lock.Check(); err != nil {
			return op.Kind, u.fail(string(op.Kind), err)
		}
		step := steps[op.Kind]
		if err := u.phase(step.phase, func() error { return step.do(u, ctx) }); err != nil {
			return op.Kind, u.fail(string(op.Kind), err)
		}
	}
	return "", nil
}

// locked does something while it holds the app's lock.
func (u *run) locked(ctx context.Context, do func() error) (err error) {
	if err := context.Cause(ctx); err != nil {
		return u.fail("start", err)
	}
	u.lock, err = u.r.Nomad.Acquire(ctx, u.plan.Job, u.r.Options.Who, func(holder string) {
		u.say("", "waiting for another run of wadi on this app to end (%s)", holder)
	})
	if err != nil {
		return u.fail("start", err)
	}
	defer func() {
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if e := u.lock.Release(free); e != nil && err == nil {
			err = u.fail("end", e)
		}
	}()
	return do()
}

var steps = map[Kind]struct {
	phase Phase
	do    func(*run, context.Context) error
}{
	Upload:   {PhaseUpload, (*run).upload},
	Stage:    {PhaseStaging, (*run).stage},
	Write:    {PhaseWriting, (*run).write},
	Register: {PhaseStart, (*run).register},
	Stop:     {PhaseStop, (*run).stop},
}

// phase does something and tells when it starts, ends, and how long it took.
func (u *run) phase(name Phase, do func() error) error {
	began := time.Now()
	u.tell(Event{Phase: name, Started: true})
	err := do()
	took := time.Since(began)
	u.out.Phases = append(u.out.Phases, PhaseTime{Phase: name, Seconds: took.Seconds()})
	u.tell(Event{Phase: name, Ended: true, Took: took, Err: err})
	return err
}

func (u *run) tell(e Event) {
	if u.r.Tell != nil {
		e.App = u.plan.App
		u.r.Tell(e)
	}
}

func (u *run) say(phase Phase, format string, args ...any) {
	u.tell(Event{Phase: phase, Text: fmt.Sprintf(format, args...)})
}

// AppError is an app whose plan could not be carried out: which step, why,
// and what is known about it.
type AppError struct {
	App  string
	Step string
	Err  error
	// Events and Log are of the failing instance, newest last.
	Events []string
	Log    []string
	Next   []string // commands to try
}

func (e *AppError) Error() string {
	var unknown *UnknownInstanceError
	if errors.As(e.Err, &unknown) { // it names the app
		return unknown.Error()
	}
	return fmt.Sprintf("app %q: %v", e.App, e.Err)
}

func (e *AppError) Unwrap() error { return e.Err }

// fail makes an AppError of whatever went wrong, once.
func (u *run) fail(step string, err error) error {
	var already *AppError
	if errors.As(err, &already) {
		return err
	}
	var big *nomad.TooBigError
	if errors.As(err, &big) && u.plan.work != nil {
		big.Parts = u.plan.work.sizes()
	}
	out := &AppError{App: u.plan.App, Step: step, Err: err}
	if step == string(Stage) {
		out.Log = u.tail.lines()
	}
	return out
}
