package keys

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
)

// Bytes answers n random bytes.
func Bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// Hex answers n random lower-case hexadecimal digits.
func Hex(n int) string { return hex.EncodeToString(Bytes((n + 1) / 2))[:n] }

// Digits answers n random decimal digits.
func Digits(n int) string {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic("crypto/rand failed: " + err.Error()) // it never does on the systems we run on
	}
	return fmt.Sprintf("%0*d", n, v)
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Letters answers n random characters of the URL-safe base64 alphabet.
func Letters(n int) string {
	b := Bytes(n)
	for i, c := range b {
		b[i] = letters[int(c)%len(letters)]
	}
	return string(b)
}
