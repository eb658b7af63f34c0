package tfrun

import (
	"fmt"
	"os"
	"path/filepath"
)

// CopyModules copies the repository's modules and examples, which name each other by relative
// paths, from one folder to another, so that no state, lock file or plugin folder appears beside
// the sources. What an earlier copy left there goes.
func CopyModules(from, to string) error {
	for _, folder := range []string{"modules", "examples"} {
		if err := os.RemoveAll(filepath.Join(to, folder)); err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(to, folder), os.DirFS(filepath.Join(from, folder))); err != nil {
			return fmt.Errorf("copying %s: %w", folder, err)
		}
	}
	return nil
}

// Environ adds to an environment what a Terraform needs that nobody sits in front of, and the CLI
// configuration that it shall read; "" leaves that as it is.
func Environ(env []string, cliConfig string) []string {
	env = append(env, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	if cliConfig != "" {
		env = append(env, "TF_CLI_CONFIG_FILE="+cliConfig)
	}
	return env
}
