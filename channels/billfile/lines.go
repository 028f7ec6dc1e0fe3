package billfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// errLongLine is the cause of a line beyond MaxLine.
var errLongLine = errors.New("a line is longer than the limit")

// Lines cuts a text into lines, which end with LF or CRLF; the last may end
// with the text. One line at a time is in memory.
type Lines struct {
	r      *bufio.Reader
	line   []byte
	number int64
	err    error
	// ended: the line is the text's last and has no end of its own.
	ended bool
}

// NewLines reads from r.
func NewLines(r io.Reader) *Lines { return &Lines{r: bufio.NewReaderSize(r, MaxLine)} }

// Next moves to the next line; false at the end or where Err says why.
func (l *Lines) Next() bool {
	if l.err != nil || l.ended {
		return false
	}
	line, err := l.r.ReadSlice('\n')
	switch {
	case err == nil:
		line = line[:len(line)-1]
	case errors.Is(err, io.EOF):
		l.ended = true
		if len(line) == 0 {
			return false
		}
	case errors.Is(err, bufio.ErrBufferFull):
		l.number++
		l.err = errLongLine
		return false
	default:
		l.err = err
		return false
	}
	l.number++
	l.line = bytes.TrimSuffix(line, []byte{'\r'})
	return true
}

// Bytes is the line without its end, until the next call of Next.
func (l *Lines) Bytes() []byte { return l.line }

// Number is the line's number, from 1.
func (l *Lines) Number() int64 { return l.number }

// Err is why the lines ended before the text did.
func (l *Lines) Err() error { return l.err }

// Reason says for people why a text could not be read to its end.
func Reason(err error) string {
	switch {
	case errors.Is(err, errLongLine):
		return errLongLine.Error()
	case errors.Is(err, ErrTooMuch):
		return "it unpacks to more than the limit"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends early"
	default:
		return err.Error()
	}
}
