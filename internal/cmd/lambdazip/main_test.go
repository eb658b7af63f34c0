package main

import (
	"archive/zip"
	"bytes"
	"testing"
)

func TestPackIsDeterministicAndExecutable(t *testing.T) {
	first, err := pack([]byte("binary"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := pack([]byte("binary"))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two archives of one binary differ (%v)", err)
	}
	archive, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.File) != 1 || archive.File[0].Name != "bootstrap" || archive.File[0].Mode() != 0o755 {
		t.Errorf("entries: %+v", archive.File)
	}
}
