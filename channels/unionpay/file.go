package unionpay

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
)

const (
	typeFile   = "76"
	codeNoFile = "98"
	// fileTypeZIP is the archive of a merchant's settlement files.
	fileTypeZIP = "00"

	// maxFileAnswer and maxFile bound a file as it comes and unpacked, in
	// bytes. A line of detail has 609 bytes before it is packed.
	maxFileAnswer = 64 << 20
	maxFile       = 128 << 20
)

// ErrNoFile is the cause when UnionPay has no file of that day: nothing was
// settled, or the file is not ready yet (it is due about 09:00 on the day
// after). Which of the two is not said.
var ErrNoFile = errors.New("there is no file of that day, or not yet")

// File is a day's settlement files: a ZIP archive.
type File struct {
	Name    string
	Content []byte
}

// DownloadFile fetches the files of a settlement day (txnType 76), of which
// the calendar day in Beijing counts. UnionPay names days without their year,
// so a day more than eleven months ago cannot be asked for.
func (c *Client) DownloadFile(ctx context.Context, day time.Time) (File, error) {
	now := c.now()
	if c.cfg.FileURL == "" {
		return File{}, c.fail(channels.OpBill, channels.NotProcessed, errors.New("file_url is not configured"))
	}
	if day.After(now) || day.Before(now.AddDate(0, -11, 0)) {
		return File{}, c.fail(channels.OpBill, channels.NotProcessed, errors.New("the day is not one of the last eleven months"))
	}
	fields := c.request(kind{typeFile, "01", "000000", ""}, "", now)
	fields["settleDate"] = day.In(beijing).Format("0102")
	fields["fileType"] = fileTypeZIP
	signed, err := c.sign(fields)
	if err != nil {
		return File{}, c.fail(channels.OpBill, channels.NotProcessed, err)
	}
	m, err := c.exchange(ctx, channels.OpBill, c.files, signed, maxFileAnswer)
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
	content, err := unpack(m.get("fileContent"), maxFile)
	if err != nil {
		return File{}, c.fail(channels.OpBill, channels.Unknown, fmt.Errorf("unpack file: %w", err))
	}
	return File{Name: texts.Clip(m.get("fileName"), maxMessage), Content: content}, nil
}

// unpack undoes base64 and zlib (with its header). most bounds the result, in
// bytes: a small text can unpack to any size.
func unpack(text string, most int64) ([]byte, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(packed) == 0 {
		return nil, errors.New("fileContent is not base64")
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errors.New("fileContent is not a zlib stream")
	}
	content, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return nil, errors.New("fileContent is damaged")
	case int64(len(content)) > most:
		return nil, errors.New("the file is larger than the limit")
	}
	return content, nil
}
