package proxyfleet

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
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

// isScript reports whether the file begins as a script does.
func (f file) isScript() bool { return bytes.HasPrefix(f.content, []byte("#!")) }

// shellCommand is one command of an instance's user data, as a shell takes it.
type shellCommand struct{ line string }

// callsOneOf reports whether the command begins with one of the files, with a shell before
// it or not.
func (c shellCommand) callsOneOf(files []file) bool {
	for _, word := range strings.Fields(c.line) {
		word = strings.Trim(word, `'";`)
		if slices.ContainsFunc(files, func(f file) bool { return f.path == word }) {
			return true
		}
		switch filepath.Base(word) {
		case "sh", "bash":
		default:
			if !strings.HasPrefix(word, "-") {
				return false
			}
		}
	}
	return false
}

// cloudConfig is what the sandbox reads of a cloud-config.
type cloudConfig struct {
	files    []file
	commands []shellCommand
}

// maxUserData bounds what compressed user data may grow to, in bytes. EC2 takes 16 KiB
// before decompression.
const maxUserData = 1 << 20

// parseUserData reads the files that a cloud-config (as it is, or compressed with
// gzip) writes, and its commands. Packages are not the sandbox's to install.
func parseUserData(data []byte) (cloudConfig, error) {
	data, err := decompress(data)
	if err != nil {
		return cloudConfig{}, err
	}
	if !bytes.HasPrefix(data, []byte("#cloud-config")) {
		return cloudConfig{}, errors.New("the user data is no #cloud-config, the one format that the sandbox reads")
	}
	var config struct {
		WriteFiles []struct {
			Path        string `yaml:"path"`
			Content     string `yaml:"content"`
			Encoding    string `yaml:"encoding"`
			Permissions string `yaml:"permissions"`
			Append      bool   `yaml:"append"`
		} `yaml:"write_files"`
		RunCmd []yaml.Node `yaml:"runcmd"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return cloudConfig{}, fmt.Errorf("parsing the cloud-config: %w", err)
	}
	var out cloudConfig
	if out.commands, err = parseCommands(config.RunCmd); err != nil {
		return cloudConfig{}, err
	}
	index := map[string]int{}
	for _, w := range config.WriteFiles {
		content, err := decode(w.Content, w.Encoding)
		if err != nil {
			return cloudConfig{}, fmt.Errorf("write_files: %s: %w", w.Path, err)
		}
		mode, err := parseMode(w.Permissions)
		if err != nil {
			return cloudConfig{}, fmt.Errorf("write_files: %s: %w", w.Path, err)
		}
		if i, again := index[w.Path]; again {
			if w.Append {
				content = append(out.files[i].content, content...)
			}
			out.files[i] = file{path: w.Path, content: content, mode: mode}
			continue
		}
		index[w.Path] = len(out.files)
		out.files = append(out.files, file{path: w.Path, content: content, mode: mode})
	}
	return out, nil
}

// parseCommands reads runcmd: each command is a line for the shell, or a list of words.
func parseCommands(nodes []yaml.Node) ([]shellCommand, error) {
	var out []shellCommand
	for _, node := range nodes {
		var words []string
		if node.Kind == yaml.SequenceNode {
			if err := node.Decode(&words); err != nil {
				return nil, fmt.Errorf("runcmd: %w", err)
			}
			for i, word := range words {
				words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
			}
			out = append(out, shellCommand{line: strings.Join(words, " ")})
			continue
		}
		var line string
		if err := node.Decode(&line); err != nil {
			return nil, fmt.Errorf("runcmd: %w", err)
		}
		out = append(out, shellCommand{line: line})
	}
	return out, nil
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
