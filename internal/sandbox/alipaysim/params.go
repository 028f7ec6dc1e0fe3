package alipaysim

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// The bounds of a request.
const (
	maxRequest = 256 << 10 // bytes of query and of body
	maxParams  = 200
)

// params are the parameters of a request as they came, decoded once; bytes are those of the declared charset.
type params map[string]string

var errParams = errors.New("the request's parameters cannot be read")

// readParams merges query and form body, as the gateway does: SDKs send the common parameters in either.
func readParams(r *http.Request) (params, error) {
	p := make(params)
	if err := p.add(r.URL.RawQuery); err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost {
		return p, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errParams, err)
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(body) > 0 && (err != nil || kind != "application/x-www-form-urlencoded") {
		return nil, fmt.Errorf("%w: the body is not application/x-www-form-urlencoded", errParams)
	}
	return p, p.add(string(body))
}

// add takes in name=value pairs joined by &. A name that comes twice with different values is refused: which one was
// signed cannot be told.
func (p params) add(encoded string) error {
	if len(encoded) > maxRequest {
		return fmt.Errorf("%w: more than %d bytes", errParams, maxRequest)
	}
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("%w: %w", errParams, err)
		}
		if earlier, ok := p[name]; ok && earlier != value {
			return fmt.Errorf("%w: %q comes twice with different values", errParams, name)
		}
		if p[name] = value; len(p) > maxParams {
			return fmt.Errorf("%w: more than %d parameters", errParams, maxParams)
		}
	}
	return nil
}

// signedText is what the merchant signed: all parameters but those left out whose value is not empty, sorted by name,
// values as they are before transport encoding.
func (p params) signedText(leftOut ...string) string {
	names := make([]string, 0, len(p))
	for name, value := range p {
		if value != "" && !slices.Contains(leftOut, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var text strings.Builder
	for i, name := range names {
		if i > 0 {
			text.WriteByte('&')
		}
		text.WriteString(name)
		text.WriteByte('=')
		text.WriteString(p[name])
	}
	return text.String()
}

// charset is a declared character set that the gateway can work with.
type charset int

const (
	utf8Charset charset = iota
	gbkCharset
)

func parseCharset(name string) (charset, bool) {
	switch strings.ToLower(name) {
	case "utf-8", "utf8":
		return utf8Charset, true
	case "gbk", "gb2312", "gb18030":
		return gbkCharset, true
	default:
		return 0, false
	}
}

func (c charset) decode(s string) (string, error) {
	if c == utf8Charset {
		return s, nil
	}
	return simplifiedchinese.GB18030.NewDecoder().String(s)
}

func (c charset) encode(b []byte) []byte {
	if c == utf8Charset {
		return b
	}
	out, err := simplifiedchinese.GB18030.NewEncoder().Bytes(b)
	if err != nil {
		return b
	}
	return out
}

func (c charset) name() string {
	if c == gbkCharset {
		return "GBK"
	}
	return "utf-8"
}
