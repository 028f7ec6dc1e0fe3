package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// Cost is what hashing one password takes (RFC 9106, Argon2id).
type Cost struct {
	// MemoryKiB is the memory of one hash.
	MemoryKiB uint32
	// Passes over the memory, by as many Threads.
	Passes  uint32
	Threads uint8
}

// DefaultCost is above what OWASP asks for (19 MiB, 2 passes): 32 MiB, 3
// passes, some 60 ms of one core.
func DefaultCost() Cost { return Cost{MemoryKiB: 32 << 10, Passes: 3, Threads: 1} }

// mostCost bounds what a stored hash can make us do.
var mostCost = Cost{MemoryKiB: 256 << 10, Passes: 10, Threads: 8}

const (
	saltBytes = 16
	hashBytes = 32
	// hashesAtOnce and hashWait bound what logins can take: so many times the
	// cost's memory, and nobody waits longer for a turn.
	hashesAtOnce = 2
	hashWait     = 5 * time.Second
)

// Hasher hashes passwords, few at a time.
type Hasher struct {
	cost  Cost
	turns chan struct{}
	// nobody is a hash that no password has: what an unknown user's is held
	// against.
	nobody string
}

// NewHasher makes a hasher.
func NewHasher(cost Cost) *Hasher {
	var zero [hashBytes]byte
	return &Hasher{cost: cost, turns: make(chan struct{}, hashesAtOnce), nobody: encodeHash(cost, zero[:saltBytes], zero[:])}
}

// Hash hashes a password with a salt of its own. ErrBusy.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	return encodeHash(h.cost, salt, derive(h.cost, password, salt)), nil
}

// Verify tells whether a password is the one of a hash; an empty hash is
// nobody's and takes as long. outdated: the hash should be made anew. ErrBusy.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (right, outdated bool, err error) {
	known := hash != ""
	if !known {
		hash = h.nobody
	}
	cost, salt, want, err := decodeHash(hash)
	if err != nil {
		return false, false, err
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	if len(password) > maxPassword {
		password, known = "", false
	}
	equal := subtle.ConstantTimeCompare(derive(cost, password, salt), want) == 1
	return equal && known, cost != h.cost, nil
}

func derive(c Cost, password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.Passes, c.MemoryKiB, c.Threads, hashBytes)
}

// turn waits until one more hash may be made.
func (h *Hasher) turn(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, ErrBusy
	}
}

func encodeHash(c Cost, salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MemoryKiB, c.Passes, c.Threads,
		b64.EncodeToString(salt), b64.EncodeToString(hash))
}

var errHash = errors.New("the stored password hash cannot be read; set the password anew")

func decodeHash(s string) (c Cost, salt, hash []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return Cost{}, nil, nil, errHash
	}
	if n, scanErr := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Threads); scanErr != nil || n != 3 {
		return Cost{}, nil, nil, errHash
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	hash, hashErr := base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || hashErr != nil || len(salt) < saltBytes || len(hash) != hashBytes || !c.sane() || encodeHash(c, salt, hash) != s {
		return Cost{}, nil, nil, errHash
	}
	return c, salt, hash, nil
}

func (c Cost) sane() bool {
	return c.MemoryKiB >= 8*uint32(c.Threads) && c.MemoryKiB <= mostCost.MemoryKiB && c.Passes >= 1 && c.Passes <= mostCost.Passes &&
		c.Threads >= 1 && c.Threads <= mostCost.Threads
}

// letters are those of generated passwords: none that look alike.
const letters = "abcdefghjkmnpqrstuvwxyz23456789"

// NewPassword makes a password of some 98 bits from a source of random bytes.
func NewPassword(random io.Reader) (string, error) {
	var out strings.Builder
	var b [1]byte
	for out.Len() < generatedLetters {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("make a password: %w", err)
		}
		// Beyond the last whole multiple the letters would not be equally likely.
		if int(b[0]) < 256/len(letters)*len(letters) {
			out.WriteByte(letters[int(b[0])%len(letters)])
		}
	}
	s := out.String()
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:], nil
}

func containsFold(s, part string) bool {
	return part != "" && strings.Contains(strings.ToLower(s), strings.ToLower(part))
}
