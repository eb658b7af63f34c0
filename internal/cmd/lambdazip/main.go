// Command lambdazip builds the Lambda function for both architectures and writes the
// archives that the provider embeds. The same source and toolchain give the same bytes.
//
//	go run ./internal/cmd/lambdazip [-out internal/eipassigner/lambda]
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

const source = "./internal/cmd/eip-assigner"

// architectures maps Lambda's name of an architecture to Go's.
var architectures = []struct{ lambda, goarch string }{{"arm64", "arm64"}, {"x86_64", "amd64"}}

func main() {
	out := flag.String("out", filepath.Join("internal", "eipassigner", "lambda"), "folder for the archives")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "lambdazip:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	work, err := os.MkdirTemp("", "lambdazip")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	for _, arch := range architectures {
		binary := filepath.Join(work, arch.lambda)
		if err := build(ctx, arch.goarch, binary); err != nil {
			return err
		}
		content, err := os.ReadFile(binary)
		if err != nil {
			return err
		}
		archive, err := pack(content)
		if err != nil {
			return err
		}
		target := filepath.Join(out, "eip-assigner-"+arch.lambda+".zip")
		if err := replace(target, archive); err != nil {
			return err
		}
		sum := sha256.Sum256(archive)
		fmt.Printf("%s  %d bytes  %s\n", target, len(archive), base64.StdEncoding.EncodeToString(sum[:]))
	}
	return nil
}

// build cross-compiles the function. No build id, no paths and no version control stamp: they
// would make the hash, and with it every user's plan, depend on where it was built.
func build(ctx context.Context, goarch, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", binary, source)
	// The levels are set so that a developer's own GOAMD64 does not change the hash either.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building %s for %s: %w", source, goarch, err)
	}
	return nil
}

// pack writes the archive that provided.al2023 expects: one executable file named bootstrap.
func pack(content []byte) ([]byte, error) {
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := entry.Write(content); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// replace writes a file in one step, so that a build that is interrupted leaves the old one.
func replace(target string, content []byte) error {
	temporary := target + ".new"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, target)
}
