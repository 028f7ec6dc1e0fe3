package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// listKind keeps one list's cursors out of another's.
type listKind byte

const (
	listPayments        listKind = 'p'
	listRefunds         listKind = 'r'
	listEvents          listKind = 'e'
	listReconciliations listKind = 'c'
	listDiscrepancies   listKind = 'd'
)

// position is the last item of a page; the next page is what comes after it.
type position struct {
	at time.Time // UTC, to the millisecond
	id string
}

// A cursor is, in base64url without padding,
//
//	version (1 byte) | list (1) | Unix milliseconds (8, big endian) | id | check (4)
//
// The check is the beginning of the SHA-256 of all before it: it tells a
// mangled cursor from a good one; there is nothing secret in it.
const (
	cursorVersion = 1
	cursorHead    = 1 + 1 + 8
	cursorCheck   = 4
	maxCursor     = cursorHead + 64 + cursorCheck
)

var errCursor = errors.New("must be the next_cursor of the page before, as it was given")

func formatCursor(list listKind, p position) string {
	raw := make([]byte, 0, maxCursor)
	raw = append(raw, cursorVersion, byte(list))
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.at.UnixMilli()))
	raw = append(raw, p.id...)
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(append(raw, sum[:cursorCheck]...))
}

func parseCursor(list listKind, s string) (position, error) {
	if len(s) > base64.RawURLEncoding.EncodedLen(maxCursor) {
		return position{}, errCursor
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) <= cursorHead+cursorCheck || base64.RawURLEncoding.EncodeToString(raw) != s {
		return position{}, errCursor
	}
	body, check := raw[:len(raw)-cursorCheck], raw[len(raw)-cursorCheck:]
	sum := sha256.Sum256(body)
	if !bytes.Equal(check, sum[:cursorCheck]) || body[0] != cursorVersion || body[1] != byte(list) {
		return position{}, errCursor
	}
	id := string(body[cursorHead:])
	if !isName(id) {
		return position{}, errCursor
	}
	ms := int64(binary.BigEndian.Uint64(body[2:cursorHead])) //nolint:gosec // the bits are kept
	return position{at: time.UnixMilli(ms).UTC(), id: id}, nil
}

// page is a page of a list.
type page[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

// newPage cuts a page of at most limit items out of up to limit + 1.
func newPage[S, T any](list listKind, items []S, limit int, view func(S) T, where func(S) position) page[T] {
	p := page[T]{Data: make([]T, 0, min(limit, len(items)))}
	more := len(items) > limit
	if more {
		items = items[:limit]
	}
	for _, item := range items {
		p.Data = append(p.Data, view(item))
	}
	if more {
		next := formatCursor(list, where(items[len(items)-1]))
		p.NextCursor = &next
	}
	return p
}
