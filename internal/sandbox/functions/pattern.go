package functions

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// pattern is an event pattern: a field is either a nested pattern or a list of matchers.
type pattern map[string]any

// matcher says whether a value fits; present is false for a field that is not there.
type matcher func(value any, present bool) bool

func parsePattern(text string) (pattern, error) {
	var raw map[string]any
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	if len(raw) == 0 {
		return nil, errors.New("it is empty")
	}
	return compilePattern(raw)
}

func compilePattern(raw map[string]any) (pattern, error) {
	out := pattern{}
	for key, value := range raw {
		if strings.HasPrefix(key, "$") {
			return nil, fmt.Errorf("the sandbox does not implement %q", key)
		}
		switch value := value.(type) {
		case map[string]any:
			if len(value) == 0 {
				return nil, fmt.Errorf("empty objects are not allowed at %q", key)
			}
			nested, err := compilePattern(value)
			if err != nil {
				return nil, err
			}
			out[key] = nested
		case []any:
			if len(value) == 0 {
				return nil, fmt.Errorf("empty arrays are not allowed at %q", key)
			}
			var matchers []matcher
			for _, v := range value {
				m, err := compileMatcher(key, v)
				if err != nil {
					return nil, err
				}
				matchers = append(matchers, m)
			}
			out[key] = matchers
		default:
			return nil, fmt.Errorf("%q must be an object or an array", key)
		}
	}
	return out, nil
}

func compileMatcher(key string, value any) (matcher, error) {
	operator, ok := value.(map[string]any)
	if !ok {
		return func(v any, present bool) bool { return present && reflect.DeepEqual(v, value) }, nil
	}
	if len(operator) != 1 {
		return nil, fmt.Errorf("a match at %q must have exactly one operator", key)
	}
	for name, argument := range operator {
		switch name {
		case "exists":
			wanted, ok := argument.(bool)
			if !ok {
				return nil, fmt.Errorf("exists at %q must be true or false", key)
			}
			return func(_ any, present bool) bool { return present == wanted }, nil
		case "prefix", "suffix", "equals-ignore-case":
			text, ok := argument.(string)
			if !ok {
				return nil, fmt.Errorf("%s at %q must be a string", name, key)
			}
			return textMatcher(name, text), nil
		case "anything-but":
			return compileAnythingBut(key, argument)
		}
		return nil, fmt.Errorf("unrecognized match type %s at %q (the sandbox knows exists, prefix, suffix, equals-ignore-case and anything-but)", name, key)
	}
	return nil, fmt.Errorf("no operator at %q", key)
}

func textMatcher(name, text string) matcher {
	test := map[string]func(string, string) bool{"prefix": strings.HasPrefix, "suffix": strings.HasSuffix, "equals-ignore-case": strings.EqualFold}[name]
	return func(v any, _ bool) bool {
		s, ok := v.(string)
		return ok && test(s, text)
	}
}

func compileAnythingBut(key string, argument any) (matcher, error) {
	if operator, ok := argument.(map[string]any); ok {
		inner, err := compileMatcher(key, operator)
		if err != nil {
			return nil, err
		}
		return func(v any, present bool) bool { return present && !inner(v, present) }, nil
	}
	excluded, ok := argument.([]any)
	if !ok {
		excluded = []any{argument}
	}
	return func(v any, present bool) bool {
		return present && !slices.ContainsFunc(excluded, func(e any) bool { return reflect.DeepEqual(e, v) })
	}, nil
}

// matches reports whether every field of the pattern fits the event. A field that is a
// list fits when one of its members does.
func (p pattern) matches(event map[string]any) bool {
	for key, want := range p {
		value, present := event[key]
		switch want := want.(type) {
		case pattern:
			nested, ok := value.(map[string]any)
			if !ok {
				nested = map[string]any{}
			}
			if !want.matches(nested) {
				return false
			}
		case []matcher:
			if !slices.ContainsFunc(want, func(m matcher) bool { return fitsAny(m, value, present) }) {
				return false
			}
		}
	}
	return true
}

func fitsAny(m matcher, value any, present bool) bool {
	list, ok := value.([]any)
	if !ok {
		return m(value, present)
	}
	return slices.ContainsFunc(list, func(v any) bool { return m(v, true) })
}
