package keys

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Digest is what texts are known again by: 32 lower-case hexadecimal digits.
func Digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
