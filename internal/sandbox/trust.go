package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// systemRoots are the files in which the Linux distributions keep the certificates that
// they trust; Go looks at the same ones.
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// writeTrust writes a file with all that this machine trusts and the sandbox's own
// authority: SSL_CERT_FILE replaces the system's, and terraform must still reach its
// registry.
func writeTrust(dir, ownCA string) (string, error) {
	own, err := os.ReadFile(ownCA)
	if err != nil {
		return "", fmt.Errorf("reading the sandbox's CA: %w", err)
	}
	candidates := systemRoots
	if set := os.Getenv("SSL_CERT_FILE"); set != "" {
		candidates = append([]string{set}, candidates...)
	}
	var trusted []byte
	for _, path := range candidates {
		// A machine has one of these, and one without any trusts nobody but us.
		if trusted, err = os.ReadFile(path); err == nil {
			break
		}
	}
	path := filepath.Join(dir, "trusted.pem")
	if err := os.WriteFile(path, bytes.Join([][]byte{trusted, own}, []byte("\n")), 0o644); err != nil {
		return "", fmt.Errorf("writing the trusted certificates: %w", err)
	}
	return path, nil
}
