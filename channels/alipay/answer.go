package alipay

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const errorNode = "error_response"

// Causes of an answer that cannot be trusted or read.
var (
	errUnsigned       = errors.New("answer has no signature")
	errNoNode         = errors.New("answer has no node of the method that was called")
	errUnsignedNotice = errors.New("gateway refused without a signature")
)

// answer is a reply cut into its parts; none of them is verified.
type answer struct {
	// isError: the node is error_response, which names no method.
	isError bool
	// signed are the bytes that the signature covers: the node's value exactly
	// as it came, over which an encrypted one keeps its quotes.
	signed []byte
	// signature is empty where the answer has none.
	signature []byte
	// certSN is the serial that the answer names, empty where it names none.
	certSN string
}

// cutAnswer cuts a reply to method. The node's name must be the method's, so
// that an answer to another question is no answer to this one.
func cutAnswer(body []byte, method string) (answer, error) {
	members, err := objectMembers(body)
	if err != nil {
		return answer{}, fmt.Errorf("cut answer: %w", err)
	}
	parts := make(map[string]json.RawMessage, len(members))
	for _, m := range members {
		parts[m.name] = m.raw
	}
	var a answer
	if a.signed = parts[strings.ReplaceAll(method, ".", "_")+"_response"]; a.signed == nil {
		if a.signed = parts[errorNode]; a.signed == nil {
			return answer{}, errNoNode
		}
		a.isError = true
	}
	// Decoding undoes JSON's escapes: some gateways write "\/" inside sign.
	var signature string
	if raw, ok := parts["sign"]; ok && json.Unmarshal(raw, &signature) != nil {
		return answer{}, errors.New("cut answer: sign is not a string")
	}
	if a.signature, err = base64.StdEncoding.DecodeString(signature); err != nil {
		return answer{}, errors.New("cut answer: sign is not base64")
	}
	if raw, ok := parts["alipay_cert_sn"]; ok && json.Unmarshal(raw, &a.certSN) != nil {
		return answer{}, errors.New("cut answer: alipay_cert_sn is not a string")
	}
	return a, nil
}

// node is a verified object of an answer. Its fields are read as text one by
// one, so that an odd value in a field that nobody needs cannot spoil the rest
// and no amount ever becomes a float.
type node map[string]json.RawMessage

func readNode(text []byte) (node, error) {
	members, err := objectMembers(text)
	if err != nil {
		return nil, fmt.Errorf("read node: %w", err)
	}
	n := make(node, len(members))
	for _, m := range members {
		n[m.name] = m.raw
	}
	return n, nil
}

// text is a field's value; empty where the field is absent or is neither text
// nor a number.
func (n node) text(name string) string {
	raw := n[name]
	if len(raw) == 0 {
		return ""
	}
	switch c := raw[0]; {
	case c == '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	case c == '-' || c >= '0' && c <= '9':
		return string(raw)
	default:
		return ""
	}
}
