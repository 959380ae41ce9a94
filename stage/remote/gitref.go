package remote

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// commitPattern is a whole commit id, of SHA-1 or SHA-256.
var commitPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// pinGit finds the commit that the address's ref is now.
func (s *Store) pinGit(ctx context.Context, a Address) (Pin, error) {
	if commitPattern.MatchString(a.Ref) {
		return Pin{Address: a, Digest: a.Ref, What: "commit"}, nil
	}
	list, err := s.lsRemote(ctx, a)
	if err != nil {
		return Pin{}, err
	}
	commit, what := resolveRef(list, a.Ref)
	switch {
	case commit != "":
		return Pin{Address: a, Digest: commit, What: what}, nil
	case a.Ref == "":
		return Pin{}, &SourceError{Shown: a.Shown, Reason: "the repository has no default branch", Fix: "name a branch or tag: #branch"}
	}
	return Pin{}, &SourceError{Shown: a.Shown, Reason: fmt.Sprintf("the repository has no branch or tag %q", a.Ref),
		Fix: "check the name; a commit is written with all its digits"}
}

// lsRemote asks the server for its refs, those that the address may mean.
func (s *Store) lsRemote(ctx context.Context, a Address) (string, error) {
	wanted := []string{"HEAD"}
	if a.Ref != "" {
		wanted = []string{"refs/heads/" + a.Ref, "refs/tags/" + a.Ref, "refs/tags/" + a.Ref + "^{}"}
	}
	command := append([]string{"ls-remote", "--quiet", "--", a.url}, wanted...)
	return again(ctx, s, func() (string, error) { return lsRemoteOnce(ctx, a, command) })
}

// errSilent ends a question that nobody answers.
var errSilent = &silence{"no answer within a minute"}

func lsRemoteOnce(ctx context.Context, a Address, command []string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errSilent)
	defer cancel()
	list, err := git{address: a}.run(ctx, command...)
	if errors.Is(err, errSilent) {
		return "", &UnreachableError{Shown: a.Shown, Err: err}
	}
	return list, a.explain(err)
}

// resolveRef picks the commit of a ref out of what ls-remote printed: as with
// git clone -b a branch comes before a tag, and a tag stands for its commit.
func resolveRef(list, ref string) (commit, what string) {
	refs := map[string]string{}
	for line := range strings.SplitSeq(list, "\n") {
		if id, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && commitPattern.MatchString(id) {
			refs[name] = id
		}
	}
	if ref == "" {
		return refs["HEAD"], "default branch"
	}
	if id := refs["refs/heads/"+ref]; id != "" {
		return id, "branch " + ref
	}
	if id := refs["refs/tags/"+ref+"^{}"]; id != "" {
		return id, "tag " + ref
	}
	return refs["refs/tags/"+ref], "tag " + ref
}
