package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// prefix begins the variables that are configuration.
const prefix = "PAYMUX_"

// foreign are variables with the prefix that are no configuration.
var foreign = []string{"PAYMUX_PROFILE", "PAYMUX_VECTORS"}

// foreignPrefix begins the variables of the tests.
const foreignPrefix = "PAYMUX_TEST_"

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// Load reads a configuration: base (Default or Embedded), the file over it if
// path is not empty, the variables of environ ("NAME=value") over both, then
// the files that secrets are kept in. All faults are reported together.
func Load(base Config, path string, environ []string) (Config, error) {
	cfg := base
	var faults []error
	if path != "" {
		faults = append(faults, readFile(&cfg, path)...)
	}
	faults = append(faults, readEnvironment(&cfg, environ)...)
	faults = append(faults, readSecretFiles(&cfg)...)
	if err := errors.Join(faults...); err != nil {
		return Config{}, err
	}
	return cfg, cfg.Validate()
}

func readFile(cfg *Config, path string) []error {
	f, err := os.Open(path) //nolint:gosec // the operator's own choice
	if err != nil {
		return []error{fmt.Errorf("read the configuration: %w", err)}
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return []error{fmt.Errorf("read the configuration %s: %w", path, err)}
	case len(text) > maxFile:
		return []error{fmt.Errorf("the configuration %s is larger than %d bytes", path, maxFile)}
	}
	var faults []error
	for _, fault := range parse(cfg, text) {
		faults = append(faults, fmt.Errorf("%s: %w", path, fault))
	}
	return faults
}

// parse reads strict YAML over cfg.
func parse(cfg *Config, text []byte) []error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	err := dec.Decode(cfg)
	var typed *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &typed):
		faults := make([]error, len(typed.Errors))
		for i, e := range typed.Errors {
			faults[i] = errors.New(withoutTypes(e))
		}
		return faults
	case err != nil:
		return []error{err}
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return []error{errors.New("the file holds more than one document")}
	}
	return nil
}

// withoutTypes words a fault of the decoder for people who don't know its types.
func withoutTypes(s string) string {
	s, _, unknown := strings.Cut(s, " not found in type ")
	if unknown {
		return s + " is not a known key; see configs/paymux.example.yaml"
	}
	return s
}

// key is one setting: its section, its name and where its value is.
type key struct {
	section, name string
	value         reflect.Value
}

func (k key) path() string     { return k.section + "." + k.name }
func (k key) variable() string { return prefix + strings.ToUpper(k.section+"_"+k.name) }

// keys lists every setting of cfg, in the order of the structs.
func keys(cfg *Config) []key {
	var out []key
	root := reflect.ValueOf(cfg).Elem()
	for i := range root.NumField() {
		section := root.Field(i)
		for j := range section.NumField() {
			out = append(out, key{
				section: root.Type().Field(i).Tag.Get("yaml"), name: section.Type().Field(j).Tag.Get("yaml"), value: section.Field(j),
			})
		}
	}
	return out
}

// readEnvironment puts variables over the file. An empty one counts as absent;
// one that names no setting is a fault, as it is most likely misspelt.
func readEnvironment(cfg *Config, environ []string) []error {
	known := map[string]key{}
	for _, k := range keys(cfg) {
		known[k.variable()] = k
	}
	var faults []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, foreignPrefix) || slices.Contains(foreign, name) || value == "" {
			continue
		}
		k, ok := known[name]
		if !ok {
			faults = append(faults, fmt.Errorf("the variable %s is not a known setting; see configs/paymux.example.yaml", name))
			continue
		}
		if err := k.set(value); err != nil {
			faults = append(faults, fmt.Errorf("the variable %s: %w", name, err))
		}
	}
	return faults
}

// set reads a variable's text as YAML would read the key's value; lists are
// separated by commas.
func (k key) set(text string) error {
	into := reflect.New(k.value.Type())
	var source any = text
	switch k.value.Kind() {
	case reflect.Slice:
		parts := strings.Split(text, ",")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		source = parts
	case reflect.Struct, reflect.String:
		// Texts stay as they are, whatever YAML would make of them.
		node := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
		if err := node.Decode(into.Interface()); err != nil {
			return errors.New("cannot be read")
		}
		k.value.Set(into.Elem())
		return nil
	default: // numbers, truths and durations
	}
	if err := decodeScalar(source, into.Interface()); err != nil {
		return fmt.Errorf("%q is not a value of %s", text, k.path())
	}
	k.value.Set(into.Elem())
	return nil
}

func decodeScalar(source, into any) error {
	var text string
	switch s := source.(type) {
	case []string:
		text = "[" + strings.Join(s, ", ") + "]"
	default:
		text = fmt.Sprint(s)
	}
	return yaml.Unmarshal([]byte(text), into)
}

// readSecretFiles puts the content of <key>_file settings into their keys.
func readSecretFiles(cfg *Config) []error {
	var faults []error
	for _, f := range []struct {
		name, path string
		into       *Secret
	}{
		{"database.dsn", cfg.Database.DSNFile, &cfg.Database.DSN},
		{"redis.password", cfg.Redis.PasswordFile, &cfg.Redis.Password},
	} {
		switch {
		case f.path == "":
			continue
		case !f.into.IsZero():
			faults = append(faults, fmt.Errorf("%s and %s_file are both set; keep one", f.name, f.name))
			continue
		}
		text, err := os.ReadFile(f.path)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s_file: %w", f.name, err))
			continue
		}
		*f.into = NewSecret(strings.TrimSpace(string(text)))
	}
	return faults
}
