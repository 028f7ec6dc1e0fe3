package merchant

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Limits of the package. They bound memory and answers, not business.
const (
	// SecretOverlap is how long a replaced webhook secret goes on signing beside
	// its successor, so that a receiver has time to take the new one.
	SecretOverlap = 24 * time.Hour
	// MaxLiveSecrets bounds the signatures of one webhook; of more rotations
	// within the overlap only the newest sign.
	MaxLiveSecrets = 8
	// PlatformKeyLead is how long a platform key is published before it signs,
	// so that clients that fetch the list now and then know it by then.
	PlatformKeyLead = 10 * time.Minute
	// RingRefresh is how long a replica may go on with the platform keys that it
	// read; it must be well under PlatformKeyLead.
	RingRefresh = 5 * time.Second

	listPage       = 200
	maxParsedKeys  = 4096
	maxCredentials = 256 << 10
)

// Box seals and opens secrets: [signing.SecretBox], or one that follows a file
// of master keys.
type Box interface {
	Seal(plain, additional []byte) ([]byte, error)
	Open(blob, additional []byte) ([]byte, error)
	NeedsReseal(blob []byte) bool
}

// Validate reads a channel's credentials (a JSON object) and gives who the
// account is at the channel and the credentials in canonical form. Its errors
// name fields and never their values; the caller of [Service.AddAccount] is
// shown them.
type Validate func(channel string, raw []byte) (identity string, canonical []byte, err error)

// Deps are what the service needs from outside; all are required.
type Deps struct {
	Repository Repository
	Box        Box
	Validate   Validate
	Now        func() time.Time
	// NewID makes 26 letters and digits, ordered by time.
	NewID func() string
	// Random makes secrets.
	Random io.Reader
}

// Service is the use cases of merchants. It is safe for concurrent use.
type Service struct {
	Deps
	parsed *parsedKeys
	rings  *rings
}

// New makes the service.
func New(deps Deps) (*Service, error) {
	if deps.Repository == nil || deps.Box == nil || deps.Validate == nil || deps.Now == nil || deps.NewID == nil || deps.Random == nil {
		return nil, errors.New("make merchant service: a dependency is missing")
	}
	return &Service{Deps: deps, parsed: newParsedKeys(maxParsedKeys), rings: newRings()}, nil
}

// stamp is the time as it is stored: UTC, to the millisecond.
func (s *Service) stamp() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// lookup names the thing that a port did not find.
func lookup(what, id string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("%s %q: %w", what, id, ErrNotFound)
	default:
		return fmt.Errorf("read %s %q: %w", what, id, err)
	}
}
