package nomad

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	never := func(code int) string {
		if code == 64 {
			return "never became healthy"
		}
		return ""
	}
	limits := RolloutLimits{Deadline: now.Add(time.Minute), NoRoom: 10 * time.Second, Fatal: never}
	job := &api.Job{Version: new(uint64(3)), JobModifyIndex: new(uint64(50)), TaskGroups: []*api.TaskGroup{{Name: new("web"), Count: new(2)}}}
	deployment := func(status string) *api.Deployment {
		return &api.Deployment{ID: "d", Status: status, JobVersion: 3, StatusDescription: "Nomad's words"}
	}
	alloc := func(status string, healthy *bool, events ...*api.TaskEvent) *api.AllocationListStub {
		state := &api.TaskState{Events: events, Failed: status == "failed"}
		return &api.AllocationListStub{ID: "0123456789", CreateIndex: 51, JobVersion: 3, TaskGroup: "web", ClientStatus: status, DesiredStatus: "run",
			DeploymentStatus: &api.AllocDeploymentStatus{Healthy: healthy}, TaskStates: map[string]*api.TaskState{TaskName: state}}
	}
	placed := func(number int, index uint64, a *api.AllocationListStub) *api.AllocationListStub {
		a.Name, a.CreateIndex = fmt.Sprintf("app.web[%d]", number), index
		return a
	}
	stopped := func(a *api.AllocationListStub) *api.AllocationListStub {
		a.DesiredStatus = "stop"
		return a
	}
	unhealthy := &api.TaskEvent{Type: "Alloc Unhealthy", DisplayMessage: "Task not running"}
	terminated := func(code int) *api.TaskEvent {
		return &api.TaskEvent{Type: api.TaskTerminated, ExitCode: code, DisplayMessage: "Exit Code: " + string(rune('0'+code%10))}
	}
	blockedAt := func(at time.Time) *api.Evaluation {
		return &api.Evaluation{Status: "blocked", JobModifyIndex: 50, CreateTime: at.UnixNano(),
			FailedTGAllocs: map[string]*api.AllocationMetric{"web": {NodesEvaluated: 1, DimensionExhausted: map[string]int{"memory": 1}}}}
	}
	canary := deployment("running")
	canary.TaskGroups = map[string]*api.DeploymentState{"web": {DesiredCanaries: 1}}
	ended := deployment("successful")
	ended.ModifyIndex = 60
	done := &api.Evaluation{Status: "complete"}
	cases := map[string]struct {
		rollout rollout
		state   State
		end     bool
		reason  string
	}{
		"nothing yet": {rollout{Job: job}, Waiting, false, "0 of 2"},
		"one of two":  {rollout{Job: job, Deployment: deployment("running"), Allocs: []*api.AllocationListStub{alloc("running", new(true)), alloc("pending", nil)}}, Waiting, false, "1 of 2"},
		"successful":  {rollout{Job: job, Deployment: deployment("successful")}, Done, false, ""},
		"successful, but one is still to come": {
			rollout{Job: job, Deployment: ended, Allocs: []*api.AllocationListStub{alloc("running", new(true)), alloc("pending", nil)}}, Waiting, false, "1 of 2"},
		"successful, and one that came later": {
			rollout{Job: job, Deployment: deployment("successful"), Allocs: []*api.AllocationListStub{alloc("running", new(true)), alloc("pending", nil)}}, Done, false, ""},
		"successful, but what came in the place of a canary crashed": {
			rollout{Job: job, Deployment: ended, Allocs: []*api.AllocationListStub{alloc("running", new(true)), placed(1, 52, alloc("failed", nil, terminated(1)))}}, Failed, false, "exited with status 1"},
		"successful, but one is unhealthy": {
			rollout{Job: job, Deployment: ended, Allocs: []*api.AllocationListStub{alloc("running", new(true)), placed(1, 52, alloc("running", new(false), unhealthy))}}, Failed, false, "Task not running"},
		"successful, and the next try of what crashed is not up": {
			rollout{Job: job, Deployment: ended, Allocs: []*api.AllocationListStub{alloc("running", new(true)), stopped(placed(1, 52, alloc("failed", nil, terminated(1)))), placed(1, 61, alloc("pending", nil))}}, Failed, false, "exited with status 1"},
		"successful, and what crashed is starting again": {
			rollout{Job: job, Deployment: ended, Allocs: []*api.AllocationListStub{alloc("running", new(true)), stopped(placed(1, 52, alloc("failed", new(false), terminated(1)))), placed(1, 53, alloc("pending", nil))}}, Waiting, false, "1 of 2"},
		"successful, and what crashed was replaced": {
			rollout{Job: job, Deployment: ended, Allocs: []*api.AllocationListStub{alloc("running", new(true)), stopped(placed(1, 52, alloc("failed", new(false), terminated(1)))), placed(1, 53, alloc("running", new(true)))}}, Done, false, ""},
		"successful, what crashed was replaced, and another one crashed": {
			rollout{Job: job, Deployment: ended, Allocs: []*api.AllocationListStub{stopped(placed(1, 52, alloc("failed", new(false), terminated(1)))), placed(1, 53, alloc("running", new(true))), alloc("failed", nil, terminated(2))}}, Failed, false, "status 2"},
		"successful, and one that was updated in place had crashed long before": {
			rollout{Job: job, Deployment: ended, Allocs: []*api.AllocationListStub{alloc("running", new(true)), placed(1, 40, alloc("failed", nil, terminated(1)))}}, Done, false, ""},
		"all healthy, nothing to promote": {
			rollout{Job: job, Deployment: deployment("running"), Allocs: []*api.AllocationListStub{alloc("running", new(true)), alloc("running", new(true))}}, Done, false, ""},
		"all healthy, canaries not promoted": {
			rollout{Job: job, Deployment: canary, Allocs: []*api.AllocationListStub{alloc("running", new(true)), alloc("running", new(true))}}, Waiting, false, "2 of 2"},
		"in place":            {rollout{Job: job, Eval: done}, Done, false, ""},
		"failed by Nomad":     {rollout{Job: job, Deployment: deployment("failed")}, Failed, false, "Nomad's words"},
		"failed with a cause": {rollout{Job: job, Deployment: deployment("failed"), Allocs: []*api.AllocationListStub{alloc("failed", new(false), terminated(1))}}, Failed, false, "exited with status 1"},
		"only Nomad's verdict": {rollout{Job: job, Deployment: deployment("failed"), Allocs: []*api.AllocationListStub{alloc("failed", new(false),
			&api.TaskEvent{Type: "Alloc Unhealthy", DisplayMessage: "Task not running"})}}, Failed, false, "Task not running"},
		"a canary that was healthy died: Nomad would wait for ever": {
			rollout{Job: job, Deployment: deployment("running"), Allocs: []*api.AllocationListStub{alloc("failed", new(true), terminated(1))}}, Failed, true, "exited with status 1"},
		"the driver could not start it": {
			rollout{Job: job, Deployment: deployment("failed"), Allocs: []*api.AllocationListStub{alloc("failed", new(false),
				&api.TaskEvent{Type: api.TaskDriverFailure, DisplayMessage: "Failed to pull `x`: 503"},
				&api.TaskEvent{Type: "Alloc Unhealthy", DisplayMessage: "Unhealthy because of failed task"})}}, Failed, false, "could not start: Failed to pull `x`: 503"},
		"never healthy, Nomad would restart it": {
			rollout{Job: job, Deployment: deployment("running"), Allocs: []*api.AllocationListStub{alloc("running", nil, terminated(64))}}, Failed, true, "never became healthy"},
		"a crash that Nomad restarts": {
			rollout{Job: job, Deployment: deployment("running"), Allocs: []*api.AllocationListStub{alloc("running", nil, terminated(1))}}, Waiting, false, "0 of 2"},
		"a Variable that it may not read": {
			rollout{Job: job, Deployment: deployment("running"), Allocs: []*api.AllocationListStub{{ID: "0123456789", JobVersion: 3, ClientStatus: "pending", DesiredStatus: "run",
				TaskStates: map[string]*api.TaskState{TaskName: {State: "pending", Events: []*api.TaskEvent{
					{Type: "Template", Time: now.Add(-time.Minute).UnixNano(), DisplayMessage: "Missing: nomad.var.block(db@default.global)"}}}}}}}, Failed, true, "nomad.var.block(db"},
		"no room, for a moment":  {rollout{Job: job, Deployment: deployment("running"), Evals: []*api.Evaluation{blockedAt(now.Add(-time.Second))}}, Waiting, false, "not enough memory on 1 node"},
		"no room, for too long":  {rollout{Job: job, Deployment: deployment("running"), Evals: []*api.Evaluation{blockedAt(now.Add(-time.Minute))}}, Failed, true, "not enough memory on 1 node"},
		"no room and no deploy":  {rollout{Job: job, Eval: done, Evals: []*api.Evaluation{blockedAt(now.Add(-time.Minute))}}, Failed, false, "no room"},
		"an older version fails": {rollout{Job: job, Deployment: deployment("running"), Allocs: []*api.AllocationListStub{{JobVersion: 2, ClientStatus: "failed", DesiredStatus: "run"}}}, Waiting, false, "0 of 2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := judge(c.rollout, limits, now)
			if v.State != c.state || v.End != c.end || !strings.Contains(v.Reason, c.reason) {
				t.Errorf("got %+v, want %s, end %v, reason with %q", v, c.state, c.end, c.reason)
			}
			over := c.rollout.Deployment != nil && c.rollout.Deployment.Status == api.DeploymentStatusSuccessful
			if late := over && v.State == Failed; v.Late != late || late && v.Alloc == nil {
				t.Errorf("late %v, instance %v", v.Late, v.Alloc)
			}
		})
	}
	if late := judge(cases["successful, but one is still to come"].rollout, limits, now.Add(time.Hour)); late.State != Failed || late.End || !late.Late || late.Alloc == nil || late.Alloc.ClientStatus != "pending" {
		t.Errorf("a deployment that has ended, after the deadline: %+v", late)
	}
	late := judge(cases["one of two"].rollout, limits, now.Add(time.Hour))
	if late.State != Failed || !late.End || !strings.Contains(late.Reason, "timed out") {
		t.Errorf("after the deadline: %+v", late)
	}
}
