package eipassigner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// finding is what a look at one object showed.
type finding struct {
	// name is the object's name in drifted_parts: "function", "launch_rule", ….
	name   string
	exists bool
	// drifted: it exists and is not as it should be.
	drifted bool
	// foreign says why an object of our name is not ours; "" if it is.
	foreign string
}

func (f finding) sound() bool { return f.exists && !f.drifted }

// part is one kind of object that an assigner consists of.
type part interface {
	// look reads the part's objects back, always the same ones in the same order.
	look(ctx context.Context) ([]finding, error)
	// put makes or repairs every object that is not sound, as look found them, and tells undo
	// how to take back what it made.
	put(ctx context.Context, found []finding, undo *undo) error
	// remove deletes the part's objects as far as they exist and are ours.
	remove(ctx context.Context) error
}

// parts lists what an assigner consists of, in the order in which it is made.
func (c *cloud) parts(s spec, code archive) []part {
	var all []part
	if s.ownRole() {
		all = append(all, rolePart{c, s})
	}
	return append(all, logPart{c, s}, functionPart{c, s, code}, rulePart{c, s}, permissionPart{c, s}, hookPart{c, s})
}

// survey looks at all parts.
func survey(ctx context.Context, all []part) ([][]finding, error) {
	found := make([][]finding, 0, len(all))
	for _, p := range all {
		one, err := p.look(ctx)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, nil
}

// drifted names the objects that are missing or not as they should be.
func drifted(found [][]finding) []string {
	var names []string
	for _, f := range slices.Concat(found...) {
		if !f.sound() {
			names = append(names, f.name)
		}
	}
	return names
}

// existing counts the objects that are there, and says why any of them is not ours.
func existing(found [][]finding) (count int, err error) {
	var foreign []error
	for _, f := range slices.Concat(found...) {
		if f.exists {
			count++
		}
		if f.foreign != "" {
			foreign = append(foreign, errors.New(f.foreign))
		}
	}
	return count, errors.Join(foreign...)
}

// undo takes back, newest first, what one run made.
type undo struct {
	steps []func(context.Context) error
}

func (u *undo) add(step func(context.Context) error) { u.steps = append(u.steps, step) }

// run takes everything back; its error lists what it could not.
func (u *undo) run(ctx context.Context) error {
	var errs []error
	for _, step := range slices.Backward(u.steps) {
		errs = append(errs, write(ctx, step))
	}
	return errors.Join(errs...)
}

// putAll puts every part that is not sound.
func putAll(ctx context.Context, all []part, found [][]finding, u *undo) error {
	for n, p := range all {
		if !slices.ContainsFunc(found[n], func(f finding) bool { return !f.sound() }) {
			continue
		}
		if err := p.put(ctx, found[n], u); err != nil {
			return err
		}
	}
	return nil
}

// foreignTo says why an object is not of this configuration, or "".
func foreignTo(owner, kind, name string, tags map[string]string) string {
	switch is := tags[eiptag.Owner]; is {
	case owner:
		return ""
	case "":
		return fmt.Sprintf("%s %s exists and does not have the tag %s=%s", kind, name, eiptag.Owner, owner)
	default:
		return fmt.Sprintf("%s %s exists and has the owner %q, not %q", kind, name, is, owner)
	}
}

// lacks reports whether tags do not have all of want. Tags of others are theirs.
func lacks(tags, want map[string]string) bool {
	for key, value := range want {
		if has, ok := tags[key]; !ok || has != value {
			return true
		}
	}
	return false
}

// sameSet reports whether two lists have the same members, whatever their order.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// removedTags are the keys that were in before and are not in after.
func removedTags(before, after map[string]string) []string {
	var gone []string
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, kept := after[key]; !kept {
			gone = append(gone, key)
		}
	}
	return gone
}
