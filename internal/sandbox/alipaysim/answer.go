package alipaysim

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"

	"github.com/paymux/paymux/internal/sandbox/keys"
)

// field is one member of an answer's node; a value is a string or something that JSON can write.
type field struct {
	name  string
	value any
}

// node is the signed part of an answer; members keep their order.
type node []field

func (n node) text(name string) string {
	for _, f := range n {
		if s, ok := f.value.(string); ok && f.name == name {
			return s
		}
	}
	return ""
}

// with answers a copy in which the named members that are there have other values.
func (n node) with(values map[string]string) node {
	out := make(node, len(n))
	for i, f := range n {
		if v, ok := values[f.name]; ok {
			f.value = v
		}
		out[i] = f
	}
	return out
}

// marshal writes the node compactly, Chinese and & < > as they are.
func (n node) marshal() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	for i, f := range n {
		if i == 0 {
			out.WriteByte('{')
		} else {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `"%s":`, f.name)
		if err := encoder.Encode(f.value); err != nil {
			return nil, fmt.Errorf("encode %s: %w", f.name, err)
		}
		out.Truncate(out.Len() - 1) // the encoder's line end
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// envelope says how an answer is put together.
type envelope struct {
	name         string // the node's
	certSN       string // set in certificate mode
	contentKey   []byte // set where the node is to be encrypted
	charset      charset
	escaped      bool // slashes of the node are escaped
	escapedSign  bool // slashes of the signature are escaped too
	unsigned     bool
	badSignature bool
}

// seal writes and signs a whole answer.
func (a *account) seal(n node, e envelope) ([]byte, error) {
	value, err := n.marshal()
	if err != nil {
		return nil, err
	}
	if e.contentKey != nil {
		text, err := encrypt(e.contentKey, e.charset.encode(value))
		if err != nil {
			return nil, err
		}
		value = []byte(`"` + text + `"`)
	} else {
		value = e.charset.encode(value)
	}
	if e.escaped || e.escapedSign {
		value = bytes.ReplaceAll(value, []byte("/"), []byte(`\/`)) // a slash is never part of an escape or of a GBK character
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"%s":%s`, e.name, value)
	if e.certSN != "" {
		fmt.Fprintf(&out, `,"alipay_cert_sn":"%s"`, e.certSN)
	}
	if !e.unsigned {
		signature, err := keys.Sign(a.key, value)
		if err != nil {
			return nil, err
		}
		if e.badSignature {
			signature = keys.Spoil(signature)
		}
		if e.escapedSign {
			signature = strings.ReplaceAll(signature, "/", `\/`)
		}
		fmt.Fprintf(&out, `,"sign":"%s"`, signature)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// escapesSlashes picks the order numbers whose answers escape slashes: about every third.
func escapesSlashes(outTradeNo string) bool {
	return crc32.ChecksumIEEE([]byte(outTradeNo))%3 == 0
}

func writeAnswer(w http.ResponseWriter, c charset, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html;charset="+c.name())
	h.Set("trace_id", hex.EncodeToString(keys.Bytes(16)))
	_, _ = w.Write(body) //nolint:gosec // a protocol answer for programs, under the type that Alipay gives it
}
