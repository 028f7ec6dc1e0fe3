package wechatpay

import (
	"bufio"
	"compress/gzip"
	"crypto/sha1" //nolint:gosec // the protocol's hash of bills
	"encoding/hex"
	"errors"
	"io"

	"github.com/paymux/paymux/channels/billfile"
)

// unpacked is the text of a bill, however it comes: the GZIP that was asked
// for, or the plain text that a gateway may give all the same.
func unpacked(r io.Reader, most int64) (io.Reader, error) {
	b := bufio.NewReaderSize(r, billfile.MaxLine)
	if magic, err := b.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return billfile.Capped(b, most), nil
	}
	text, err := gzip.NewReader(b)
	if err != nil {
		return nil, err
	}
	return billfile.Capped(text, most), nil
}

// billHash is the SHA-1 over what the bytes written to it unpack to, computed
// as they pass.
type billHash struct {
	in   *io.PipeWriter
	done chan struct{}
	// sum and err are valid once done is closed.
	sum string
	err error
}

func newBillHash(most int64) *billHash {
	out, in := io.Pipe()
	h := &billHash{in: in, done: make(chan struct{})}
	go func() {
		defer close(h.done)
		h.sum, h.err = hashOf(out, most)
		if h.err != nil {
			h.err = billfile.Broken(0, "%s", billfile.Reason(h.err))
		}
		_ = out.CloseWithError(h.err) // a writer must not wait for a reader that is gone
	}()
	return h
}

func hashOf(r io.Reader, most int64) (string, error) {
	text, err := unpacked(r, most)
	if err != nil {
		return "", err
	}
	sum := sha1.New() //nolint:gosec // the protocol's hash of bills
	if _, err := io.Copy(sum, text); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Write takes the next bytes of the original.
func (h *billHash) Write(p []byte) (int, error) { return h.in.Write(p) }

// compare ends the file and compares; it fails with a *BrokenBillError.
func (h *billHash) compare(want string) error {
	_ = h.in.Close()
	<-h.done
	if h.err == nil && h.sum != want {
		h.err = billfile.Broken(0, "its SHA-1 is not the one that WeChat Pay stated")
	}
	return h.err
}

// abandon ends a hash that nobody asks for any more.
func (h *billHash) abandon() {
	_ = h.in.CloseWithError(errors.New("given up"))
	<-h.done
}
