package proxyfleet

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// file is one file that an instance's user data writes.
type file struct {
	path    string // absolute, as on the instance
	content []byte
	mode    fs.FileMode
}

// maxUserData bounds what compressed user data may grow to, in bytes. EC2 takes 16 KiB
// before decompression.
const maxUserData = 1 << 20

// parseUserData reads the files that a cloud-config (as it is, or compressed with
// gzip) writes. Packages and commands of a cloud-config are not the sandbox's to run.
func parseUserData(data []byte) ([]file, error) {
	data, err := decompress(data)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, []byte("#cloud-config")) {
		return nil, errors.New("the user data is no #cloud-config, the one format that the sandbox reads")
	}
	var config struct {
		WriteFiles []struct {
			Path        string `yaml:"path"`
			Content     string `yaml:"content"`
			Encoding    string `yaml:"encoding"`
			Permissions string `yaml:"permissions"`
			Append      bool   `yaml:"append"`
		} `yaml:"write_files"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("parsing the cloud-config: %w", err)
	}
	var files []file
	index := map[string]int{}
	for _, w := range config.WriteFiles {
		content, err := decode(w.Content, w.Encoding)
		if err != nil {
			return nil, fmt.Errorf("write_files: %s: %w", w.Path, err)
		}
		mode, err := parseMode(w.Permissions)
		if err != nil {
			return nil, fmt.Errorf("write_files: %s: %w", w.Path, err)
		}
		if i, again := index[w.Path]; again {
			if w.Append {
				content = append(files[i].content, content...)
			}
			files[i] = file{path: w.Path, content: content, mode: mode}
			continue
		}
		index[w.Path] = len(files)
		files = append(files, file{path: w.Path, content: content, mode: mode})
	}
	return files, nil
}

// decode undoes the encodings of cloud-init's write_files module.
func decode(content, encoding string) ([]byte, error) {
	data := []byte(content)
	switch encoding {
	case "", "text/plain":
		return data, nil
	case "gz", "gzip":
		return decompress(data)
	case "b64", "base64", "gz+b64", "gz+base64", "gzip+b64", "gzip+base64":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(encoding, "gz") {
			return decompress(data)
		}
		return data, nil
	default:
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
}

func decompress(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUserData))
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	return out, nil
}

// parseMode reads permissions in octal ("0644"); cloud-init's default is 0644.
func parseMode(permissions string) (fs.FileMode, error) {
	if permissions == "" {
		return 0o644, nil
	}
	mode, err := strconv.ParseUint(strings.TrimPrefix(permissions, "0o"), 8, 32)
	if err != nil {
		return 0, fmt.Errorf("permissions %q are not octal", permissions)
	}
	return fs.FileMode(mode) & fs.ModePerm, nil
}
