package unionpay

import (
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/channels/transport"
)

const (
	typeFile   = "76"
	codeNoFile = "98"
	// fileTypeZIP is the archive of a merchant's settlement files.
	fileTypeZIP = "00"

	// maxFileAnswer bounds the message with a file, in bytes, where the account
	// sets no limit; maxFileAnswerEver bounds that limit, as all of it is in
	// memory.
	maxFileAnswer     = 64 << 20
	maxFileAnswerEver = 1 << 30
)

// ErrNoFile is the cause when UnionPay has no file of that day: nothing was
// settled, or the file is not ready yet (it is due about 09:00 on the day
// after). Which of the two is not said.
var ErrNoFile = errors.New("there is no file of that day, or not yet")

// File describes a day's settlement files, which are one ZIP archive.
type File struct {
	// Name is as UnionPay gives it, for people.
	Name string
	// Size is in bytes.
	Size int64
}

// DownloadFile fetches the files of a settlement day (txnType 76) and writes the
// archive to w. Whether the day is over is for UnionPay to say; but it names
// days without their year, so a day that is more than eleven months ago, or
// lies more than two weeks ahead, cannot be asked for.
//
// The protocol has the whole file in one field of one signed message, so that
// this message is in memory until its signature has held: bill_max_bytes bounds
// it. From there on the file is unpacked into w piece by piece.
func (c *Client) DownloadFile(ctx context.Context, day channels.Day, w io.Writer) (File, error) {
	now := c.now()
	if farAhead(day, now) || day.Start().Before(now.AddDate(0, -11, 0)) {
		return File{}, c.fail(channels.OpBill, channels.NotProcessed, errors.New("the day is not one of the last eleven months"))
	}
	fields := c.request(kind{typeFile, "01", "000000", ""}, "", now)
	fields["settleDate"] = day.Format("0102")
	fields["fileType"] = fileTypeZIP
	signed, err := c.sign(fields)
	if err != nil {
		return File{}, c.fail(channels.OpBill, channels.NotProcessed, err)
	}
	most := billfile.Limit(c.cfg.BillMaxBytes, maxFileAnswer)
	m, err := c.exchange(ctx, channels.OpBill, c.files, signed, most)
	if errors.Is(err, transport.ErrAnswerTooLarge) {
		return File{}, c.fail(channels.OpBill, channels.Unknown, fmt.Errorf("the day's files are larger than %d bytes: raise bill_max_bytes of the account: %w", most, err))
	}
	if err != nil {
		return File{}, err
	}
	for _, name := range []string{"merId", "txnType", "settleDate"} {
		if m.get(name) != signed[name] {
			return File{}, c.fail(channels.OpBill, channels.Unknown, errors.New("verified answer is about another file"))
		}
	}
	switch code := m.get("respCode"); code {
	case codeSuccess:
	case codeNoFile:
		e := c.refusal(channels.OpBill, reply{m, code, m.get("respMsg")})
		e.Outcome, e.Err = channels.NotProcessed, ErrNoFile
		return File{}, e
	default:
		return File{}, c.refusal(channels.OpBill, reply{m, code, m.get("respMsg")})
	}
	// The archive is packed already: the zlib stream round it saves little.
	size, err := unpack(w, m.get("fileContent"), 2*most)
	if err != nil {
		return File{}, c.fail(channels.OpBill, channels.Unknown, fmt.Errorf("unpack file: %w", err))
	}
	return File{Name: texts.Clip(m.get("fileName"), maxMessage), Size: size}, nil
}

// farAhead tells of a day so far ahead that UnionPay, which is asked for month
// and day only, could take last year's to be meant. The two weeks before that
// are no mistake: whose calendar is right is not decided here.
func farAhead(day channels.Day, now time.Time) bool { return day.Start().After(now.AddDate(0, 0, 14)) }

// unpack undoes base64 and zlib (with its header) into w and answers how many
// bytes that gave. most bounds them: a small text can unpack to any size.
func unpack(w io.Writer, text string, most int64) (int64, error) {
	if text == "" {
		return 0, errors.New("fileContent is missing")
	}
	// What is not base64 shows as a read error of the stream.
	r, err := zlib.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	if err != nil {
		return 0, errors.New("fileContent is not base64 of a zlib stream")
	}
	out := &target{w: w}
	size, err := io.Copy(out, io.LimitReader(r, most+1))
	switch {
	case out.err != nil:
		return 0, fmt.Errorf("write: %w", out.err)
	case err != nil:
		return 0, errors.New("fileContent is damaged")
	case size > most:
		return 0, errors.New("the file is larger than the limit")
	}
	return size, nil
}

// target keeps apart what writing failed of from what reading did.
type target struct {
	w   io.Writer
	err error
}

func (t *target) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	if err != nil {
		t.err = err
	}
	return n, err //nolint:wrapcheck // seen by unpack only, which wraps it
}
