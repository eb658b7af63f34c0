package functions

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Lambda's limits on zips: uploaded in a request, and unpacked. In bytes.
const (
	maxZip      = 50 << 20
	maxUnpacked = 250 << 20
)

// codeInput is where a function's code comes from.
type codeInput struct {
	ZipFile         []byte
	S3Bucket        string
	ImageURI        string `json:"ImageUri"`
	SourceKMSKeyArn string
}

// code is an unpacked zip.
type code struct {
	// sha256 is the zip's digest in base64, as Lambda's CodeSha256.
	sha256 string
	size   int
	dir    string
	zip    string
}

// unpack checks the zip and unpacks it beside the zip itself under dir, named by its digest.
func (in codeInput) unpack(dir string) (code, *awsapi.Error) {
	switch {
	case in.S3Bucket != "" || in.ImageURI != "":
		return code{}, lambdaNotImplemented("code from S3 or an image")
	case len(in.ZipFile) == 0:
		return code{}, invalidParameter("Please provide a source for function code.")
	case len(in.ZipFile) > maxZip:
		return code{}, awsapi.Errorf(413, "RequestEntityTooLargeException", "Request must be smaller than %d bytes for the CreateFunction operation", maxZip)
	}
	digest := sha256.Sum256(in.ZipFile)
	c := code{sha256: base64.StdEncoding.EncodeToString(digest[:]), size: len(in.ZipFile), dir: filepath.Join(dir, fmt.Sprintf("%x", digest[:8]))}
	c.zip = c.dir + ".zip"
	archive, err := zip.NewReader(bytes.NewReader(in.ZipFile), int64(len(in.ZipFile)))
	if err != nil {
		return code{}, invalidParameter("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	unpacking.Lock()
	defer unpacking.Unlock()
	// The zip is written last: where it is, the folder is whole, and may be running.
	if _, err := os.Stat(c.zip); err == nil {
		return c, nil
	}
	if err := unpackAll(archive, c.dir); err != nil {
		return code{}, err
	}
	if err := os.WriteFile(c.zip, in.ZipFile, 0o600); err != nil {
		return code{}, internalError(err)
	}
	return c, nil
}

// unpacking keeps two uploads of one zip apart.
var unpacking sync.Mutex

func unpackAll(archive *zip.Reader, dir string) *awsapi.Error {
	left := int64(maxUnpacked)
	for _, entry := range archive.File {
		if !filepath.IsLocal(entry.Name) {
			return invalidParameter("The uploaded file must not name files outside of itself: %s", entry.Name)
		}
		path := filepath.Join(dir, filepath.FromSlash(entry.Name))
		if strings.HasSuffix(entry.Name, "/") {
			if err := os.MkdirAll(path, 0o750); err != nil {
				return internalError(err)
			}
			continue
		}
		n, err := unpackFile(entry, path, left)
		if err != nil {
			return internalError(err)
		}
		if left -= n; left <= 0 {
			return invalidParameter("Unzipped size must be smaller than %d bytes", maxUnpacked)
		}
	}
	return nil
}

// unpackFile writes one entry with its permission bits, at most limit bytes of it.
func unpackFile(entry *zip.File, path string, limit int64) (n int64, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return 0, err
	}
	// What an unpacking that failed has left.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	in, err := entry.Open()
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, entry.Mode().Perm())
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(out, io.LimitReader(in, limit))
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return n, err
}

// runnable says why the bootstrap cannot run: on Lambda (missing, not executable, other
// architecture than declared) or on this machine; empty when it can.
func (c code) runnable(declared string) (errorType, message string) {
	path := filepath.Join(c.dir, "bootstrap")
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
	case info.Mode()&0o111 == 0:
		return "Runtime.InvalidEntrypoint", "fork/exec /var/task/bootstrap: permission denied"
	}
	binary, err := elf.Open(path)
	if err != nil {
		// A script runs wherever its interpreter does.
		return "", ""
	}
	defer func() { _ = binary.Close() }()
	actual := map[elf.Machine]string{elf.EM_X86_64: "x86_64", elf.EM_AARCH64: "arm64"}[binary.Machine]
	host := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	switch {
	case actual != declared:
		return "Runtime.InvalidEntrypoint", "fork/exec /var/task/bootstrap: exec format error"
	case actual != host:
		return "Sandbox.ArchitectureUnavailable", fmt.Sprintf(
			"the function's architecture is %s and this machine's is %s: the sandbox runs functions as processes of this machine; set the function's architecture to %s", actual, host, host)
	}
	return "", ""
}

func internalError(err error) *awsapi.Error {
	return awsapi.Errorf(500, "ServiceException", "%s", err)
}
