package eipassigner

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
)

// Architectures that the function is built for, by Lambda's names.
const (
	archARM = "arm64"
	archX86 = "x86_64"
)

//go:embed lambda
var embedded embed.FS

// errNoArchive: the provider was compiled before the function's archives were.
var errNoArchive = errors.New("this build of the provider does not contain the Lambda function")

// archive is the function's code for one architecture.
type archive struct {
	content []byte
	// hash is the content's SHA-256 in base64, as Lambda's CodeSha256 gives it.
	hash string
}

// readArchive returns the archive for an architecture from the folder lambda of files.
func readArchive(files fs.FS, architecture string) (archive, error) {
	content, err := fs.ReadFile(files, "lambda/eip-assigner-"+architecture+".zip")
	if errors.Is(err, fs.ErrNotExist) {
		return archive{}, errNoArchive
	}
	if err != nil {
		return archive{}, fmt.Errorf("reading the function's archive for %s: %w", architecture, err)
	}
	sum := sha256.Sum256(content)
	return archive{content: content, hash: base64.StdEncoding.EncodeToString(sum[:])}, nil
}
