package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

// up prints the environment as shell commands and waits for a signal.
func up(s *sandbox.Sandbox, stdout io.Writer, signals <-chan os.Signal) {
	fmt.Fprint(stdout, shellEnvironment(s.Env(), os.Environ()))
	<-signals
}

// shellEnvironment are the commands that give a shell the environment env: what it has of
// its own that leads to a cloud goes.
func shellEnvironment(env, own []string) string {
	var out strings.Builder
	set := map[string]bool{}
	for _, variable := range env {
		name, _, _ := strings.Cut(variable, "=")
		set[name] = true
	}
	for _, variable := range own {
		if name, _, _ := strings.Cut(variable, "="); sandbox.ToUnset(variable) && !set[name] {
			fmt.Fprintf(&out, "unset %s\n", name)
		}
	}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&out, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return out.String()
}
