package wechatpaysim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
)

// object is a JSON object of the protocol. Written, its members stand in alphabetical order, as in the channel's own
// messages.
type object = map[string]any

// parseObject reads exactly one JSON object; numbers keep the form in which they were written.
func parseObject(text []byte) (object, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var o object
	if err := decoder.Decode(&o); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errors.New("null is no object")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return o, nil
}

// marshal writes compactly, Chinese and & < > as they are.
func marshal(o object) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(o); err != nil {
		return nil, fmt.Errorf("write a message: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// child answers the object at a path; an empty one where there is none.
func child(o object, path ...string) object {
	for _, name := range path {
		o, _ = o[name].(object)
	}
	return o
}

// textAt answers the text at a path; empty where there is none.
func textAt(o object, path ...string) string {
	last := len(path) - 1
	s, _ := child(o, path[:last]...)[path[last]].(string)
	return s
}

// integerAt answers the integer at a path of a parsed object; 0 where there is none.
func integerAt(o object, path ...string) int64 {
	last := len(path) - 1
	n, _ := child(o, path[:last]...)[path[last]].(json.Number)
	i, _ := n.Int64()
	return i
}

// withoutEmpty takes away the members whose values are empty texts.
func withoutEmpty(o object) object {
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == "" })
	return o
}
