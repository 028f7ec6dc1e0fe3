package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxCredentialsFile is more than any channel's credentials.
	maxCredentialsFile = 1 << 20
	// fileSuffix of a name means that its value is a file's content.
	fileSuffix = "_file"
	// base64Suffix of a name means that its value is binary, in base64.
	base64Suffix = "_base64"
)

// readCredentials reads a JSON object. Of a file, "<name>_file" members become
// "<name>" with the content of the file that they name, seen from where the
// object lies: keys and certificates need not be pasted into it. A
// "<name>_base64_file" is put in as base64.
func (env *environment) readCredentials(path string) ([]byte, error) {
	if path == "-" {
		return readLimited(env.stdin)
	}
	text, err := readFileLimited(path)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		// Whoever reads it for the channel says what is wrong with it.
		return text, nil //nolint:nilerr // see above
	}
	named := false
	for name, value := range members {
		short, ok := strings.CutSuffix(name, fileSuffix)
		if !ok {
			continue
		}
		if _, taken := members[short]; taken {
			return nil, fmt.Errorf("the credentials give %s and %s; keep one", short, name)
		}
		content, err := namedContent(filepath.Dir(path), name, short, value)
		if err != nil {
			return nil, err
		}
		delete(members, name)
		members[short], named = content, true
	}
	if !named {
		return text, nil
	}
	return json.Marshal(members)
}

// namedContent gives the content of the file that a member names, as JSON text.
func namedContent(folder, name, short string, value json.RawMessage) (json.RawMessage, error) {
	var file string
	if err := json.Unmarshal(value, &file); err != nil || file == "" {
		return nil, fmt.Errorf("the credentials' %s must be the name of a file", name)
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(folder, file)
	}
	content, err := readFileLimited(file)
	if err != nil {
		return nil, fmt.Errorf("the credentials' %s: %w", name, err)
	}
	if strings.HasSuffix(short, base64Suffix) {
		return json.Marshal(base64.StdEncoding.EncodeToString(content))
	}
	return json.Marshal(string(bytes.TrimRight(content, "\r\n")))
}

func readFileLimited(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the user's own choice
	if err != nil {
		return nil, fmt.Errorf("read the credentials: %w", err)
	}
	defer func() { _ = f.Close() }()
	return readLimited(f)
}

func readLimited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxCredentialsFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the credentials: %w", err)
	case len(text) > maxCredentialsFile:
		return nil, fmt.Errorf("the credentials are larger than %d bytes", maxCredentialsFile)
	}
	return text, nil
}
