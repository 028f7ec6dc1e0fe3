package config

import (
	"fmt"
	"log/slog"

	"go.yaml.in/yaml/v3"
)

// Secret is a text that no format verb, encoder or log shows.
type Secret struct{ text string }

// NewSecret wraps a secret.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal gives the text to whoever must use it.
func (s Secret) Reveal() string { return s.text }

// IsZero tells whether there is none.
func (s Secret) IsZero() bool { return s.text == "" }

const masked = "<secret>"

// String hides the text; whether there is one shows.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return masked
}

// Format hides the text from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML hides the text.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// UnmarshalYAML reads the text.
func (s *Secret) UnmarshalYAML(node *yaml.Node) error { return node.Decode(&s.text) }
